/** T0: `startup()` to closed, in memory, verification included, many times in one process. */

import { setTimeout as sleep } from 'node:timers/promises';

import { startup } from '../src/startup/startup.ts';
import { quantile, report } from './report.ts';

const ROUNDS = 200;
/** The code of a process goes on growing until everything is compiled; after this it does not. */
const WARM_UP = 400;

const boot: number[] = [];
const whole: number[] = [];

async function once(): Promise<void> {
  const startedAt = performance.now();
  const config = {
    agents: [],
    store: { path: ':memory:' },
    server: { port: 0 },
    auth: { secret: 'a secret of at least 32 bytes for the bench' },
  };
  const runtime = await startup({ ...config, log: 'silent' }, { env: {} });
  boot.push(performance.now() - startedAt);
  await runtime.close();
  whole.push(performance.now() - startedAt);
}

for (let round = 0; round < WARM_UP; round += 1) await once();
boot.length = 0;
whole.length = 0;
const before = await heapMb();
for (let round = 0; round < ROUNDS; round += 1) await once();
const after = await heapMb();

async function heapMb(): Promise<number> {
  await sleep(50);
  globalThis.gc?.();
  return process.memoryUsage().heapUsed / 1_048_576;
}

report('T0', [
  {
    name: 'startup() with verification, p50',
    value: quantile(boot, 0.5),
    unit: 'ms',
    range: [Math.min(...boot), Math.max(...boot)],
  },
  {
    name: 'startup() to closed, p50',
    value: quantile(whole, 0.5),
    unit: 'ms',
    target: 5,
    range: [Math.min(...whole), Math.max(...whole)],
  },
  { name: 'startup() to closed, p95', value: quantile(whole, 0.95), unit: 'ms' },
  { name: 'heap after 200 rounds, above that before', value: after - before, unit: 'MB', target: 1 },
]);
