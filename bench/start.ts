/** From `enginehouse start` to ready: a process of its own, on a fresh data folder, until /health/ready answers 200. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

import { quantile, report } from './report.ts';

const ROUNDS = 7;
const main = fileURLToPath(new URL('../dist/cli/main.js', import.meta.url));
if (!existsSync(main)) throw new Error('build first: npm run build');

const times: number[] = [];
for (let round = 0; round < ROUNDS; round += 1) times.push(await start());
report('start', [
  {
    name: 'enginehouse start to ready',
    value: quantile(times, 0.5),
    unit: 'ms',
    target: 1_500,
    range: [Math.min(...times), Math.max(...times)],
  },
]);

async function start(): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'enginehouse-start-'));
  const port = await freePort();
  const startedAt = performance.now();
  const child = spawn(process.execPath, [main, 'start', '--port', String(port), '--data', folder], { stdio: 'ignore' });
  for (;;) {
    const ready = await fetch(`http://127.0.0.1:${port}/health/ready`).then(
      ({ ok }) => ok,
      () => false,
    );
    if (ready) break;
    if (performance.now() - startedAt > 30_000) throw new Error('not ready within 30 s');
    await sleep(5);
  }
  const ms = performance.now() - startedAt;
  child.kill('SIGTERM');
  await once(child, 'exit');
  rmSync(folder, { recursive: true });
  return ms;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' && address !== null ? address.port : 0;
}
