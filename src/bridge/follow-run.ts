import { orAborted } from '../base/deadline.ts';
import { LinkedSignal } from '../base/linked-signal.ts';
import type { AgentEvent } from '../context/event.ts';
import { isTerminal } from '../context/run-status.ts';
import type { LiveRun } from './live-run.ts';

/**
 * Batches of a run's events after `after`, in order, up to and with the terminal
 * one. Nothing is held for a slow reader: the next batch is read when it asks.
 *
 * @throws the reason of the first signal that aborts, and what the store throws.
 */
export async function* followRun(
  run: LiveRun,
  after: number,
  signals: readonly AbortSignal[],
): AsyncGenerator<readonly AgentEvent[], void> {
  using link = new LinkedSignal(signals);
  const { signal } = link;
  signal.throwIfAborted();
  if (!(await orAborted(run.open(), signal))) return;
  for (let cursor = after; ;) {
    if (cursor >= run.head) {
      if (run.end !== undefined) return;
      await advanced(run, cursor, signal);
      continue;
    }
    const batch = await orAborted(run.events(cursor), signal);
    const last = batch.at(-1);
    // Only a run that was deleted has nothing below its head.
    if (last === undefined) return;
    yield batch;
    if (isTerminal(last.type)) return;
    cursor = last.seq;
    signal.throwIfAborted();
  }
}

/** Waits until the run goes on past `cursor` or has ended. */
async function advanced(run: LiveRun, cursor: number, signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const unlisten = run.listen(() => {
    if (run.head > cursor || run.end !== undefined) resolve();
  });
  try {
    await orAborted(promise, signal);
  } finally {
    unlisten();
  }
}
