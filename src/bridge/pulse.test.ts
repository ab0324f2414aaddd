import { expect, test } from 'vitest';

import { ResourceRegistry } from '../base/resource-registry.ts';
import { TestClock } from '../testing/test-clock.ts';
import { Pulse } from './pulse.ts';

test('each is called once in every period, the first time a whole period after it came', async () => {
  const clock = new TestClock(0);
  const pulse = new Pulse(1_600, clock, new ResourceRegistry());
  const beats: [string, number][] = [];
  pulse.add(() => beats.push(['first', clock.now()]));
  await clock.advance(250);
  pulse.add(() => beats.push(['second', clock.now()]));

  await clock.advance(3_350);

  expect(beats).toEqual([
    ['first', 1_600],
    ['second', 1_800],
    ['first', 3_200],
    ['second', 3_400],
  ]);
});

test('it stands still when nobody is there, and one that left is not called', async () => {
  const clock = new TestClock();
  const resources = new ResourceRegistry();
  const pulse = new Pulse(1_600, clock, resources);
  const stop = pulse.add(() => expect.unreachable());
  expect(resources.remaining('timer')).toHaveLength(1);

  stop();
  stop();
  await clock.advance(5_000);

  expect(clock.pending).toBe(0);
  expect(resources.remaining()).toEqual([]);
});
