/**
 * T1: what a test with a runtime of its own costs, without its body: boot,
 * verification over a real socket, teardown, audit. Beside it the same kind of
 * work (t1-work.ts) with a NestJS testing module, LangGraph's embed server, and
 * DBOS as its documentation has tests; each side in a process of its own, taking
 * turns. Then whole tests of Enginehouse, and what the audit is of them.
 */

import { BenchServer } from './bench-server.ts';
import { installPeers } from './peers/install.ts';
import { flushMs, quantile, report, type Result } from './report.ts';
import { SideProcess } from './side-process.ts';
import type { Cycled, CycleOrder } from './t1-work.ts';

/** `rounds` of a cycle in each turn; so many that a turn takes about a second at most. */
const CYCLES = [
  { side: 'enginehouse', cycle: 'own', rounds: 20 },
  { side: 'enginehouse', cycle: 'own, two users', rounds: 20 },
  { side: 'enginehouse', cycle: 'shared', rounds: 20 },
  { side: 'enginehouse', cycle: 'shared, two users', rounds: 20 },
  { side: 'enginehouse', cycle: 'own on postgres', rounds: 5 },
  { side: 'nest', cycle: 'test', rounds: 20 },
  { side: 'langgraph', cycle: 'test', rounds: 10 },
  { side: 'dbos', cycle: 'test', rounds: 2 },
] as const;
/** Short turns, so that what else the machine does falls on all sides. */
const TURNS = 10;
/** Before the first turn; code is compiled by then. */
const WARM_UP = 4;

installPeers();
await using server = await BenchServer.ofTests();
const sides = {
  enginehouse: await start('t1-enginehouse.ts'),
  nest: await start('peers/t1-nest.mjs'),
  langgraph: await start('peers/t1-langgraph.mjs'),
  dbos: await start('peers/t1-dbos.mjs', await server.create('t1_dbos')),
};
const measured = new Map<string, Cycled[]>();
for (let turn = -WARM_UP; turn < TURNS; turn += 1) {
  for (const { side, cycle, rounds } of CYCLES) {
    const done = await sides[side].carryOut({ cycle, rounds });
    if (turn >= 0) cycledBy(side, cycle).push(done);
  }
}
for (const side of Object.values(sides)) await side.end();

const audit = cycledBy('enginehouse', 'own, two users').flatMap(({ parts }) => parts['audit'] ?? []);
const audited = cycledBy('enginehouse', 'own, two users').flatMap(({ ms }) => ms);
const shares = audit.map((ms, nth) => (100 * ms) / (audited[nth] ?? Number.NaN));
report(
  'T1',
  [
    ...rows('a runtime of its own, without the body', times('enginehouse', 'own'), [5, 12]),
    ...beside('on PostgreSQL, a database of its own', times('enginehouse', 'own on postgres')),
    ...beside('a NestJS testing module, 50 providers', times('nest', 'test')),
    ...beside('LangGraph’s embed server, in memory', times('langgraph', 'test')),
    ...beside('DBOS, its documented set-up, on PostgreSQL', times('dbos', 'test')),
    ...rows('a whole test, 2 users, 14 events', times('enginehouse', 'own, two users'), [10, 25]),
    ...rows('the shared runtime, an engine of a fresh user', times('enginehouse', 'shared'), [2, 5]),
    ...rows('the same with 2 users, 14 events', times('enginehouse', 'shared, two users')),
    row('the audit of a whole test, p50', audit, 'ms', 1),
    row('the audit, part of the test, p50', shares, '%', 5),
  ],
  [
    await server.describe(),
    'Enginehouse: SQLite in memory, a user with a token, a run over a WebSocket read back from the log, the audit, the proof that all is gone',
    'NestJS: five events over a WebSocket read back over HTTP; no store, no users, no audit',
    'LangGraph: a run of one tool streamed over HTTP, its state read back; in memory, no users, no audit',
    'DBOS: drop, create and migrate its database, a workflow of one step; no socket, no users, no audit',
    `${TURNS} turns, each side in its own process, after ${WARM_UP} that warm up; disk flush ${flushMs().toFixed(2)} ms p50`,
  ],
);

function start(file: string, ...args: readonly string[]): Promise<SideProcess<CycleOrder, Cycled>> {
  return SideProcess.start(file, args);
}

function cycledBy(side: string, cycle: string): Cycled[] {
  const key = `${side} ${cycle}`;
  const known = measured.get(key) ?? [];
  measured.set(key, known);
  return known;
}

function times(side: string, cycle: string): readonly number[] {
  return cycledBy(side, cycle).flatMap(({ ms }) => ms);
}

function rows(name: string, values: readonly number[], [p50, p95]: readonly number[] = []): Result[] {
  return [row(`${name}, p50`, values, 'ms', p50), row(`${name}, p95`, values, 'ms', p95, 0.95)];
}

function beside(name: string, values: readonly number[]): Result[] {
  const times =
    quantile(values, 0.5) /
    quantile(
      cycledBy('enginehouse', 'own').flatMap(({ ms }) => ms),
      0.5,
    );
  return [{ ...row(`beside: ${name}, p50`, values, 'ms'), peer: `Enginehouse × ${times.toFixed(1)}` }];
}

function row(name: string, values: readonly number[], unit: string, target?: number, part = 0.5): Result {
  const range = [Math.min(...values), Math.max(...values)] as const;
  return { name, value: quantile(values, part), unit, range, ...(target === undefined ? {} : { target }) };
}
