import { expect, test } from 'vitest';

import { EnginehouseError } from '../base/errors.ts';
import { Boot } from './boot-trace.ts';

test('each phase is noted with what it made, in order', async () => {
  const boot = new Boot();

  await boot.phase('store', () => Promise.resolve({ store: 1, databases: 2 }));
  await boot.phase('bridge', () => ({ bridge: 3 }));

  const trace = boot.trace(['clock']);
  expect(trace.phases.map(({ phase, provided }) => [phase, provided])).toEqual([
    ['store', ['store', 'databases']],
    ['bridge', ['bridge']],
  ]);
  expect(trace.seams).toEqual(['clock']);
  expect(Object.isFrozen(trace.phases)).toBe(true);
});

test('a failure that has a code keeps it, another one names its phase', async () => {
  const boot = new Boot();
  const inUse = new EnginehouseError('STORE_IN_USE', 'held', { file: 'lock' });
  const broken = new Error('out of memory');

  await expect(boot.phase('store', () => Promise.reject(inUse))).rejects.toBe(inUse);
  await expect(boot.phase('doors', () => Promise.reject(broken))).rejects.toMatchObject({
    code: 'STARTUP_FAILED',
    message: 'the doors phase of startup failed: out of memory',
    details: { phase: 'doors', reason: 'out of memory' },
    cause: broken,
  });
  expect(boot.trace([]).phases).toEqual([]);
});
