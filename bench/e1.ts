/**
 * E1: from an agent's words to the client, 1,000 connections × 20 events/s for
 * 10 s, durable on disk, in SQLite and in PostgreSQL; beside them plain `ws`,
 * which keeps nothing. The server is this process, the clients are another; both
 * read the same monotonic clock. CONNECTIONS takes fewer of them.
 */

import { fork } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

import { WebSocketServer } from 'ws';

import { defineAgent } from '../src/agent/define-agent.ts';
import type { StoreOptions } from '../src/startup/config.ts';
import { startup } from '../src/startup/startup.ts';
import { BenchServer } from './bench-server.ts';
import { flushMs, report, type Result } from './report.ts';

const CONNECTIONS = Number(process.env['CONNECTIONS'] ?? 1_000);
const PER_SECOND = 20;
const SECONDS = 10;
const FILL = 'x'.repeat(160);

/** Told by the clients' process when it is done. */
interface Measured {
  readonly events: number;
  readonly p50: number;
  readonly p99: number;
}

const stamp = (): string => `${process.hrtime.bigint()} ${FILL}\n`;

const talker = defineAgent({
  name: 'talker',
  timeoutMs: 120_000,
  run: async ({ say }) => {
    // Spread over the interval, as a thousand people's agents are.
    await sleep(2_000 + Math.random() * (1_000 / PER_SECOND));
    const startedAt = performance.now();
    for (let index = 0; index < PER_SECOND * SECONDS; index += 1) {
      void say(stamp());
      await sleep(Math.max(0, startedAt + (index + 1) * (1_000 / PER_SECOND) - performance.now()));
    }
    return null;
  },
});

async function clients(kind: 'enginehouse' | 'ws', url: string, secret: string): Promise<Measured> {
  const file = fileURLToPath(new URL('e1-clients.ts', import.meta.url));
  const child = fork(file, [kind, url, secret, String(CONNECTIONS)], {
    execArgv: ['--disable-warning=ExperimentalWarning'],
  });
  const [measured] = (await once(child, 'message')) as [Measured];
  child.disconnect();
  await once(child, 'exit');
  return measured;
}

interface Outcome {
  readonly measured: Measured;
  /** Milliseconds of the server's processor time for an event. */
  readonly cpu: number;
}

async function ours(store: StoreOptions): Promise<Outcome> {
  const secret = 'a secret of at least 32 bytes for the bench';
  const runtime = await startup(
    {
      agents: [talker],
      store,
      server: { port: 0 },
      auth: { secret },
      limits: { runsTotal: 2_000 },
      log: 'silent',
    },
    { env: {} },
  );
  const before = process.cpuUsage();
  const measured = await clients('enginehouse', runtime.address?.url ?? '', secret);
  const { user, system } = process.cpuUsage(before);
  await runtime.close();
  return { measured, cpu: (user + system) / 1_000 / measured.events };
}

async function plainWs(): Promise<Outcome> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const sockets = new WebSocketServer({ server, perMessageDeflate: false });
  sockets.on('connection', async (socket) => {
    await sleep(2_000 + Math.random() * (1_000 / PER_SECOND));
    const startedAt = performance.now();
    for (let index = 0; index < PER_SECOND * SECONDS; index += 1) {
      socket.send(JSON.stringify({ type: 'message_delta', delta: stamp() }));
      await sleep(Math.max(0, startedAt + (index + 1) * (1_000 / PER_SECOND) - performance.now()));
    }
    socket.close();
  });
  const address = server.address();
  const before = process.cpuUsage();
  const measured = await clients('ws', `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`, '');
  const { user, system } = process.cpuUsage(before);
  sockets.close();
  server.close();
  return { measured, cpu: (user + system) / 1_000 / measured.events };
}

async function onSqlite(): Promise<Outcome> {
  const folder = mkdtempSync(join(tmpdir(), 'enginehouse-e1-'));
  const outcome = await ours({ path: folder });
  rmSync(folder, { recursive: true });
  return outcome;
}

const expected = CONNECTIONS * PER_SECOND * SECONDS;

function rows(name: string, { measured, cpu }: Outcome, plain: Outcome): readonly Result[] {
  const beside = (ms: number): string => `plain ws ${ms.toFixed(2)} ms`;
  return [
    {
      name: `${name}: append to client, p50`,
      value: measured.p50,
      unit: 'ms',
      target: 2,
      peer: beside(plain.measured.p50),
    },
    {
      name: `${name}: append to client, p99`,
      value: measured.p99,
      unit: 'ms',
      target: 15,
      peer: beside(plain.measured.p99),
    },
    {
      name: `${name}: server CPU per event`,
      value: cpu * 1_000,
      unit: 'µs',
      peer: `plain ws ${(plain.cpu * 1_000).toFixed(1)} µs`,
    },
    { name: `${name}: events lost`, value: expected - measured.events, unit: '', target: 0 },
  ];
}

await using server = await BenchServer.open();
const sqlite = await onSqlite();
const postgresql = await ours({ url: await server.create('e1') });
const plain = await plainWs();
report(
  'E1',
  [...rows('SQLite', sqlite, plain), ...rows('PostgreSQL', postgresql, plain)],
  [
    `${CONNECTIONS} connections; disk flush ${flushMs().toFixed(2)} ms p50; ${await server.describe()}`,
    "plain ws keeps nothing; PostgreSQL's own processes are not in the server's CPU",
  ],
);
