/** E3: what an idle connection costs in memory: 10,000 signed-in connections from other processes. */

import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

import { startup } from '../src/startup/startup.ts';
import { report } from './report.ts';

const CONNECTIONS = 10_000;
const PROCESSES = 2;

const secret = 'a secret of at least 32 bytes for the bench';
const runtime = await startup(
  { agents: [], store: { path: ':memory:' }, server: { port: 0 }, auth: { secret }, log: 'silent' },
  { env: {} },
);
const url = runtime.address?.url ?? '';
const file = fileURLToPath(new URL('e3-clients.ts', import.meta.url));

async function connectMore(count: number, first: number): Promise<ChildProcess> {
  const child = fork(file, [url, secret, String(count), String(first)], {
    execArgv: ['--disable-warning=ExperimentalWarning'],
  });
  await once(child, 'message');
  return child;
}

async function settledRss(): Promise<number> {
  for (let round = 0; round < 5; round += 1) {
    globalThis.gc?.();
    await sleep(100);
  }
  return process.memoryUsage().rss;
}

const empty = await settledRss();
// A few first, so that code and buffers that all connections share are there.
const children = [await connectMore(100, 0)];
const before = await settledRss();
for (let index = 0; index < PROCESSES; index += 1)
  children.push(await connectMore(CONNECTIONS / PROCESSES, 100 + (index * CONNECTIONS) / PROCESSES));
const after = await settledRss();
const { connections } = runtime.bridge.health();
for (const child of children) child.kill();
await runtime.close();

report('E3', [
  { name: 'process RSS before the first connection', value: empty / 1_048_576, unit: 'MB' },
  {
    name: 'memory per idle connection (RSS)',
    value: (after - before) / 1_024 / CONNECTIONS,
    unit: 'KB',
    target: 16,
    peer: 'ws 8 to 10 KB, Socket.IO 25 KB (measured before)',
  },
  { name: `${connections} connections, process RSS`, value: after / 1_048_576, unit: 'MB', target: 200 },
]);
