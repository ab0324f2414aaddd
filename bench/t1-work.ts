/**
 * What T1 asks of every side: all of a test but its body, over and over. Boot
 * what the application is, prove that it works by a run of one tool whose
 * events come over a real socket and are read back from where they are kept,
 * and take it down. A side throws when what it reads back is not what was sent.
 */

/** One whole test; it may tell what a part of it took, in milliseconds. */
export type Cycle = () => Promise<Readonly<Record<string, number>> | void>;

export interface CycleOrder {
  readonly cycle: string;
  readonly rounds: number;
}

export interface Cycled {
  readonly ms: readonly number[];
  readonly parts: Readonly<Record<string, readonly number[]>>;
}

/** Serves orders until the process that gives them lets go of this one; then `close` ends what was kept between them. */
export function serveCycles(cycles: Readonly<Record<string, Cycle>>, close?: () => Promise<void>): void {
  process.on('disconnect', async () => {
    await close?.();
    process.exit();
  });
  process.on('message', async (order: CycleOrder) => process.send?.(await carryOut(order, cycles)));
  process.send?.('ready');
}

async function carryOut({ cycle, rounds }: CycleOrder, cycles: Readonly<Record<string, Cycle>>): Promise<Cycled> {
  const one = cycles[cycle];
  if (one === undefined) throw new Error(`there is no cycle ${cycle}`);
  const ms: number[] = [];
  const parts: Record<string, number[]> = {};
  for (let round = 0; round < rounds; round += 1) {
    const startedAt = performance.now();
    const told = await one();
    ms.push(performance.now() - startedAt);
    for (const [part, took] of Object.entries(told ?? {})) (parts[part] ??= []).push(took);
  }
  return { ms, parts };
}
