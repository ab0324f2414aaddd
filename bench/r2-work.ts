/**
 * What R2 asks of every side, and how a side's process takes its orders.
 *
 * One run is a durable start, 5 steps one after the other, 4 events of each
 * step, and a durable finish. When a step begins, the result and the events of
 * the one before are durable, and another process can read them back.
 */

export const STEPS = [1, 2, 3, 4, 5] as const;

/** What a run leaves behind. */
export interface KeptRun {
  readonly total: number;
  readonly events: readonly string[];
}

/** 100 bytes each. */
export function eventsOf(step: number): readonly string[] {
  return [1, 2, 3, 4].map((index) => `step ${step}, event ${index}: `.padEnd(100, 'x'));
}

/** Each step adds its number. */
export const EXPECTED: KeptRun = {
  total: STEPS.reduce((sum, step) => sum + step, 0),
  events: STEPS.flatMap(eventsOf),
};

/** Run ids are made of it, so that each lane is a user of its own, for the side that knows users. */
export function userOf(runId: string): string {
  return runId.slice(0, runId.indexOf('-'));
}

/** One side of the comparison; each function is called in a process of its own. */
export interface Side {
  /** Makes what it needs in an empty database. What it gives does one run, and resolves with its total once the finish is durable. */
  work(databaseUrl: string): Promise<(runId: string) => Promise<number>>;
  /** What it gives reads a run back, after the process that did it was killed. */
  read(databaseUrl: string): Promise<(runId: string) => Promise<KeptRun>>;
}

export type Task = keyof Side;

/** Runs or reads, lane beside lane; within a lane one after the other. */
export interface Order {
  readonly lanes: readonly (readonly string[])[];
}

export interface Done {
  readonly ms: number;
  /** Of this process alone. */
  readonly cpuMs: number;
  readonly answers: Readonly<Record<string, unknown>>;
}

/** Serves orders until the process that gives them kills this one or goes away. */
export async function serve(side: Side): Promise<void> {
  const [task = '', databaseUrl = ''] = process.argv.slice(2);
  const one = await side[task === 'read' ? 'read' : 'work'](databaseUrl);
  process.on('disconnect', () => process.exit());
  process.on('message', async (order: Order) => process.send?.(await carryOut(order, one)));
  process.send?.('ready');
}

async function carryOut({ lanes }: Order, one: (runId: string) => Promise<unknown>): Promise<Done> {
  const answers: Record<string, unknown> = {};
  const before = process.cpuUsage();
  const startedAt = performance.now();
  await Promise.all(
    lanes.map(async (lane) => {
      for (const runId of lane) answers[runId] = await one(runId);
    }),
  );
  const ms = performance.now() - startedAt;
  const { user, system } = process.cpuUsage(before);
  return { ms, cpuMs: (user + system) / 1_000, answers };
}
