/**
 * R2: durable runs per second on PostgreSQL, beside DBOS and LangGraph.js on
 * the same work (r2-work.ts) and the same server, each in a process and an
 * empty database of its own. The rounds take turns; afterwards each worker is
 * killed, and a new process reads every run back.
 */

import { isDeepStrictEqual } from 'node:util';

import { BenchServer } from './bench-server.ts';
import { installPeers } from './peers/install.ts';
import { type Done, EXPECTED, type Order, type Task } from './r2-work.ts';
import { flushMs, quantile, report, type Result } from './report.ts';
import { SideProcess } from './side-process.ts';

const SIDES = {
  enginehouse: { title: 'Enginehouse', file: 'r2-enginehouse.ts', options: [] },
  awaiting: { title: 'Enginehouse, each event awaited', file: 'r2-enginehouse.ts', options: ['awaiting'] },
  dbos: { title: 'DBOS 5.3.0', file: 'peers/dbos.mjs', options: [] },
  langgraph: { title: 'LangGraph.js 1.7.3', file: 'peers/langgraph.mjs', options: [] },
} as const;
type SideName = keyof typeof SIDES;
const NAMES = Object.keys(SIDES) as SideName[];
const PEERS = ['dbos', 'langgraph'] as const;

const WIDTHS = [
  { title: 'one at a time', wide: 1, runsPerLane: 20 },
  { title: '20 at once', wide: 20, runsPerLane: 5 },
] as const;
/** Short ones, so that what else the machine does falls on all sides. */
const ROUNDS = 9;
const TARGET = 5;

/** What one side did in the rounds of one width. */
interface Measured {
  readonly runsPerSecond: number[];
  readonly cpuMsPerRun: number[];
}

installPeers();
await using server = await BenchServer.open();
const urls = await bySide((name) => server.create(`r2_${name}`));
const workers = await bySide((name) => start(name, 'work'));
const orders: Order[] = [];
const results: Result[] = [];
for (const width of WIDTHS) results.push(...rows(width.title, await measure(width)));
for (const name of NAMES) await workers[name].kill();
for (const name of NAMES) await readBack(name);
report('R2', results, [
  await server.describe(),
  `disk flush ${flushMs().toFixed(2)} ms p50; ${ROUNDS} rounds in turn, medians; CPU is the side's own process, without the server`,
]);

function start(name: SideName, task: Task): Promise<SideProcess<Order, Done>> {
  const { file, options } = SIDES[name];
  return SideProcess.start(file, [task, urls[name], ...options]);
}

/** Round 0 warms up and is not counted. */
async function measure({ wide, runsPerLane, title }: (typeof WIDTHS)[number]): Promise<Record<SideName, Measured>> {
  const measured = await bySide(async () => ({ runsPerSecond: [], cpuMsPerRun: [] }) as Measured);
  for (let round = 0; round <= ROUNDS; round += 1) {
    const lanes = Array.from({ length: wide }, (_, lane) =>
      Array.from({ length: runsPerLane }, (__, run) => `user${lane}-wide${wide}-round${round}-run${run}`),
    );
    orders.push({ lanes });
    for (const name of NAMES) {
      const { ms, cpuMs, answers } = await workers[name].carryOut({ lanes });
      for (const total of Object.values(answers)) same(`${SIDES[name].title}, ${title}`, total, EXPECTED.total);
      if (round === 0) continue;
      measured[name].runsPerSecond.push((wide * runsPerLane * 1_000) / ms);
      measured[name].cpuMsPerRun.push(cpuMs / (wide * runsPerLane));
    }
  }
  return measured;
}

async function readBack(name: SideName): Promise<void> {
  const reader = await start(name, 'read');
  for (const order of orders) {
    const { answers } = await reader.carryOut(order);
    for (const [runId, kept] of Object.entries(answers)) same(`${SIDES[name].title}, ${runId}`, kept, EXPECTED);
  }
  await reader.kill();
}

function same(where: string, found: unknown, expected: unknown): void {
  if (!isDeepStrictEqual(found, expected))
    throw new Error(`${where}: expected ${JSON.stringify(expected)}, found ${JSON.stringify(found)}`);
}

function rows(title: string, measured: Record<SideName, Measured>): Result[] {
  const times = (ours: SideName, theirs: SideName): Result =>
    median(
      `${SIDES[ours].title} / ${SIDES[theirs].title}`,
      measured[theirs].runsPerSecond.map((value, round) => (measured[ours].runsPerSecond[round] ?? Number.NaN) / value),
      '×',
    );
  return [
    ...NAMES.map((name) => median(SIDES[name].title, measured[name].runsPerSecond, 'runs/s')),
    ...NAMES.map((name) => median(`${SIDES[name].title}: CPU`, measured[name].cpuMsPerRun, 'ms/run')),
    ...PEERS.map((peer) => ({ ...times('enginehouse', peer), target: TARGET, better: 'more' as const })),
    times('awaiting', 'dbos'),
  ].map((result) => ({ ...result, name: `${title}: ${result.name}` }));
}

function median(name: string, values: readonly number[], unit: string): Result {
  return { name, value: quantile(values, 0.5), unit, range: [Math.min(...values), Math.max(...values)] };
}

/** One after the other, so that no side is set up beside another. */
async function bySide<T>(make: (name: SideName) => Promise<T>): Promise<Record<SideName, T>> {
  return {
    enginehouse: await make('enginehouse'),
    awaiting: await make('awaiting'),
    dbos: await make('dbos'),
    langgraph: await make('langgraph'),
  };
}
