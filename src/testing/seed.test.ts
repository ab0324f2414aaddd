import { expect, test } from 'vitest';

import { Seed } from './seed.ts';

/** Taken from another program, in another language, that has the generator too. */
const OTTER = ['117b46ad', '50067129', '3f411f9f', '84ce73ff', 'ef7b7e0c', 'a19983c8'];
const OTTER_SOCKETS = ['cba65110', '3a5b87e0', '6fe351d5', 'a3f4fc47'];

const many = (draw: () => number): readonly number[] => Array.from({ length: 10_000 }, draw);
const mean = (drawn: readonly number[]): number => drawn.reduce((sum, each) => sum + each, 0) / drawn.length;

test('Z1: a seed draws the same in every process and on every machine', () => {
  expect(Seed.of('otter').hex(24)).toBe(OTTER.join(''));
  expect(Seed.of('otter').fork('sockets').hex(16)).toBe(OTTER_SOCKETS.join(''));
  expect(Seed.of('otter').random()).toBe(0.0682872929617635);
});

test('Z2: a fork follows from its name alone, whatever was drawn elsewhere', () => {
  const [one, other] = [Seed.of('otter'), Seed.of('otter')];
  many(() => one.random());
  one.fork('store').random();

  expect(one.fork('sockets').hex(16)).toBe(other.fork('sockets').hex(16));
  expect(other.fork('sockets').hex(16)).not.toBe(other.fork('store').hex(16));
  expect(other.fork('a').fork('b').hex(16)).not.toBe(other.fork('a,b').hex(16));
});

test('what is drawn is spread evenly', () => {
  const seed = Seed.of('spread');
  const counts = new Map<number, number>();
  for (const drawn of many(() => seed.int(6))) counts.set(drawn, (counts.get(drawn) ?? 0) + 1);
  const firsts = many(() => seed.shuffle([0, 1, 2])[0] ?? Number.NaN);

  expect(mean(many(() => seed.random()))).toBeCloseTo(0.5, 1);
  expect(counts.size).toBe(6);
  for (const count of counts.values()) expect(Math.abs(count - 10_000 / 6)).toBeLessThan(200);
  expect(mean(firsts)).toBeCloseTo(1, 1);
  expect(mean(many(() => seed.pick([2, 4])))).toBeCloseTo(3, 1);
});

test('a shuffled list has the same things, and the list given is as it was', () => {
  const list = ['ada', 'bob', 'cy', 'dee'];

  const shuffled = Seed.of('otter').shuffle(list);

  expect(shuffled).toEqual(['ada', 'bob', 'dee', 'cy']);
  expect(list).toEqual(['ada', 'bob', 'cy', 'dee']);
});

test('ids are UUIDs of version 4, each drawn once, the same for the same seed', () => {
  const [one, other] = [Seed.of('otter').ids(), Seed.of('otter').ids()];
  const drawn = Array.from({ length: 1_000 }, () => one.next());

  expect(drawn.slice(0, 3)).toEqual([other.next(), other.next(), other.next()]);
  expect(new Set(drawn).size).toBe(1_000);
  for (const id of drawn) expect(id).toMatch(/^[\da-f]{8}-[\da-f]{4}-4[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/);
});

test('two runtimes of one seed do not get the same ids', () => {
  const seed = Seed.of('otter');

  expect(seed.ids().next()).not.toBe(seed.ids().next());
});

test('the option goes before the variable, and without both a seed is fresh', () => {
  const env = { ENGINEHOUSE_SEED: 'from-env' };

  expect(Seed.of(7, env).text).toBe('ENGINEHOUSE_SEED=7');
  expect(Seed.of(undefined, env).text).toBe('ENGINEHOUSE_SEED=from-env');
  expect(Seed.of(undefined, { ENGINEHOUSE_SEED: '' }).text).not.toBe(Seed.of(undefined, {}).text);
});

test('a fork is replayed by the seed it comes from', () => {
  expect(Seed.of('otter').fork('a test').fork('its sockets').text).toBe('ENGINEHOUSE_SEED=otter');
});

test.for(['', ' ', 'a b', 'x'.repeat(65), '$HOME', 'é'])('%j is no seed', (received) => {
  expect(() => Seed.of(received)).toThrow(
    expect.objectContaining({ code: 'CONFIG_INVALID', details: { option: 'seed', received } }),
  );
});

test('nothing can be picked from nothing', () => {
  const seed = Seed.of('otter');

  expect(() => seed.pick([])).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }));
  for (const n of [0, -1, 1.5, Infinity])
    expect(() => seed.int(n)).toThrow(expect.objectContaining({ details: { option: 'n', received: n } }));
});
