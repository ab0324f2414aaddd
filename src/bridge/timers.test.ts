import { expect, test } from 'vitest';

import { ResourceRegistry } from '../base/resource-registry.ts';
import { TestClock } from '../testing/test-clock.ts';
import { Timers } from './timers.ts';

test('arming a timer again replaces it', async () => {
  const clock = new TestClock();
  const timers = new Timers<'a'>(clock, new ResourceRegistry(), 'ada');
  const fired: string[] = [];
  timers.arm('a', 10, () => fired.push('first'));

  timers.arm('a', 20, () => fired.push('second'));
  await clock.advance(30);

  expect(fired).toEqual(['second']);
  expect(timers.has('a')).toBe(false);
});

test('disposing clears every timer, arms none after, and leaves nothing registered', async () => {
  const clock = new TestClock();
  const resources = new ResourceRegistry();
  const timers = new Timers<'a' | 'b'>(clock, resources, 'ada');
  timers.arm('a', 10, () => expect.unreachable());
  expect(resources.remaining('timer')).toMatchObject([{ name: 'a', owner: 'ada' }]);

  timers[Symbol.dispose]();
  timers.arm('b', 10, () => expect.unreachable());
  await clock.advance(10);

  expect(clock.pending).toBe(0);
  expect(resources.remaining()).toEqual([]);
});
