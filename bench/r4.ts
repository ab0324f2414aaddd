/**
 * R4: from "start" sent to the first event on the socket, one run at a time, on
 * both stores in turn. The server is this process, the client another; what is
 * measured is what the client sees, its own way to the server and back included.
 */

import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { defineAgent } from '../src/agent/define-agent.ts';
import type { StoreOptions } from '../src/startup/config.ts';
import { startup } from '../src/startup/startup.ts';
import { BenchServer } from './bench-server.ts';
import { flushMs, quantile, report } from './report.ts';

const ROUNDS = 5;
const RUNS_PER_ROUND = 60;
const SECRET = 'a secret of at least 32 bytes for the bench';

/** One person does not start sixty runs in a second; the limit on a connection's frames would pace the bench. */
const UNPACED = { framesPerSecond: 100_000, frameBurst: 100_000 };

const greeter = defineAgent({ name: 'greeter', run: async ({ say }) => (await say('hello'), null) });

/** Milliseconds of each run of one round. */
async function round(store: StoreOptions): Promise<readonly number[]> {
  await using runtime = await startup(
    { agents: [greeter], store, server: { port: 0 }, auth: { secret: SECRET }, limits: UNPACED, log: 'silent' },
    { env: {} },
  );
  const client = fork(
    fileURLToPath(new URL('r4-client.ts', import.meta.url)),
    [runtime.address?.url ?? '', SECRET, String(RUNS_PER_ROUND)],
    { execArgv: ['--disable-warning=ExperimentalWarning'] },
  );
  const [times] = (await once(client, 'message')) as [readonly number[]];
  client.disconnect();
  await once(client, 'exit');
  return times;
}

await using server = await BenchServer.open();
const url = await server.create('r4');
const folder = mkdtempSync(join(tmpdir(), 'enginehouse-r4-'));
const sqlite: (readonly number[])[] = [];
const postgresql: (readonly number[])[] = [];
for (let index = 0; index < ROUNDS; index += 1) {
  sqlite.push(await round({ path: folder }));
  postgresql.push(await round({ url }));
}
rmSync(folder, { recursive: true });

const rows = (name: string, rounds: readonly (readonly number[])[], target: number) => {
  const medians = rounds.map((times) => quantile(times, 0.5));
  const range = [Math.min(...medians), Math.max(...medians)] as const;
  return [
    { name: `${name}: start to first event, p50`, value: quantile(rounds.flat(), 0.5), unit: 'ms', target, range },
    { name: `${name}: the same, p95`, value: quantile(rounds.flat(), 0.95), unit: 'ms' },
  ];
};
report(
  'R4',
  [...rows('SQLite', sqlite, 5), ...rows('PostgreSQL', postgresql, 10)],
  [`disk flush ${flushMs().toFixed(2)} ms p50; ${await server.describe()}`],
);
