import { expect, test } from 'vitest';

import { WritingHouse } from '../../test/support/writing-house.ts';
import { systemClock } from '../base/clock.ts';
import { LIMITS } from '../context/limits.ts';
import { resolveLimits } from '../context/resolve-limits.ts';
import { ValueKeeper } from './value-keeper.ts';

function keeperOf({ owned, context }: WritingHouse, resultBytes = 65_536): ValueKeeper {
  const limits = resolveLimits({ resultBytes });
  return new ValueKeeper({ runId: context.runId, artifacts: owned.artifacts, clock: systemClock, limits });
}

test('a small value stays inside its event, and comes back as a value of its own', async () => {
  await using house = await WritingHouse.open();
  const keeper = keeperOf(house);
  const value = { b: 1, a: [{ c: 'é' }], skipped: undefined };

  const kept = await keeper.keep('result', value);
  value.a.push({ c: 'changed after it was kept' });
  const loaded = await keeper.load(kept);

  expect(kept).toEqual({ result: { b: 1, a: [{ c: 'é' }] } });
  expect(loaded).toEqual(kept.result);
  expect(loaded).not.toBe(kept.result);
});

test('nothing is kept as null', async () => {
  await using house = await WritingHouse.open();
  const keeper = keeperOf(house);

  expect(await keeper.load(await keeper.keep('result', undefined))).toBeNull();
});

test('a value stays inline up to the limit, to the byte', async () => {
  await using house = await WritingHouse.open();
  const keeper = keeperOf(house);
  const largest = 'x'.repeat(LIMITS.inlineBytes.default - 2);

  expect(await keeper.keep('result', largest)).toEqual({ result: largest });
  expect(await keeper.keep('result', `${largest}x`)).toEqual({ resultArtifact: expect.any(String) as string });
});

test('a value above 32 KB becomes an artifact of its run, and comes back whole', async () => {
  await using house = await WritingHouse.open();
  await using _emitter = await house.accepted();
  const keeper = keeperOf(house);
  const value = { text: '漢字🦦'.repeat(4_000) };

  const kept = await keeper.keep('result', value);

  expect(kept.result).toBeUndefined();
  expect(await keeper.load(kept)).toEqual(value);
  expect(await house.owned.artifacts.list(house.context.runId)).toHaveLength(1);
});

test('values of two runs never take each other’s place, whatever their ids and names are', async () => {
  await using house = await WritingHouse.open();
  const { owned } = house;
  const keepers = ['r', 'r/q'].map((id) => {
    const deps = { artifacts: owned.artifacts, clock: systemClock, limits: resolveLimits() };
    return new ValueKeeper({ ...deps, runId: id as never });
  });
  const large = (text: string): string => text.repeat(40_000);

  const first = await keepers[0]?.keep('q/step', large('a'));
  const second = await keepers[1]?.keep('step', large('b'));

  expect((await keepers[0]?.load(first ?? {})) === large('a')).toBe(true);
  expect((await keepers[1]?.load(second ?? {})) === large('b')).toBe(true);
});

test.each([
  ['a bigint', 1n],
  ['a function', () => 1],
  ['a value within itself', cycle()],
  ['a value without a bottom', nested(LIMITS.inputDepth.default + 1)],
  ['a value that nests too deep to be walked', nested(50_000)],
])('%s is refused', async (_what, value) => {
  await using house = await WritingHouse.open();

  await expect(keeperOf(house).keep('the result', value)).rejects.toMatchObject({
    code: 'EVENT_INVALID',
    details: { type: 'the result' },
  });
});

test('a value above the limit is refused, with the limit', async () => {
  await using house = await WritingHouse.open();

  await expect(keeperOf(house).keep('the result', 'x'.repeat(70_000))).rejects.toMatchObject({
    code: 'TOO_LARGE',
    details: { what: 'the result', limitBytes: 65_536 },
  });
});

test('a deep value that is allowed is kept', async () => {
  await using house = await WritingHouse.open();
  const keeper = keeperOf(house);

  expect(await keeper.load(await keeper.keep('result', nested(128)))).toEqual(nested(128));
});

function cycle(): unknown {
  const self: Record<string, unknown> = {};
  self['self'] = self;
  return self;
}

function nested(levels: number): unknown {
  let value: unknown = 1;
  for (let level = 0; level < levels; level += 1) value = [value];
  return value;
}
