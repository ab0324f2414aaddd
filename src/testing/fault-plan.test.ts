import { expect, test } from 'vitest';

import { faultPlan } from './fault-plan.ts';
import { Seed } from './seed.ts';

const faults = ['append', 'accept', 'take'] as const;

test('the same seed gives the same plan, and another seed another', () => {
  const plan = (seed: string) => faultPlan(Seed.of(seed), { faults, count: 4, points: 100 });

  expect(plan('otter')).toEqual([
    { kind: 'append', at: 34 },
    { kind: 'append', at: 38 },
    { kind: 'accept', at: 39 },
    { kind: 'accept', at: 94 },
  ]);
  expect(plan('heron')).not.toEqual(plan('otter'));
});

test('a plan does not depend on what its seed was used for before', () => {
  const used = Seed.of('otter');
  used.hex(100);

  expect(faultPlan(used, { faults, count: 4, points: 100 })).toEqual(
    faultPlan(Seed.of('otter'), { faults, count: 4, points: 100 }),
  );
});

test('faults come in the order of their points, at most one at each, and reach all of them', () => {
  const plan = faultPlan(Seed.of('otter'), { faults, count: 20, points: 20 });

  expect(plan.map(({ at }) => at)).toEqual(Array.from({ length: 20 }, (_, index) => index + 1));
  expect(new Set(plan.map(({ kind }) => kind))).toEqual(new Set(faults));
});

test.for([-1, 1.5, 21])('%d faults at 20 points are no plan', (count) => {
  expect(() => faultPlan(Seed.of('otter'), { faults, count, points: 20 })).toThrow(
    expect.objectContaining({ code: 'CONFIG_INVALID', details: { option: 'count', received: count } }),
  );
});

test('a plan without kinds of faults is refused, unless it is empty', () => {
  const none = { faults: [], points: 20 };

  expect(faultPlan(Seed.of('otter'), { ...none, count: 0 })).toEqual([]);
  expect(() => faultPlan(Seed.of('otter'), { ...none, count: 1 })).toThrow(
    expect.objectContaining({ code: 'CONFIG_INVALID' }),
  );
});
