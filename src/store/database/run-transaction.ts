/**
 * One transaction in a worker, from begin to its end.
 *
 *   T1. It is committed only when the work resolved, awaited all it issued, and
 *       nobody had asked to stop by then.
 *   T2. When this settles, the worker has no transaction open, or is gone.
 */

import { orAborted } from '../../base/deadline.ts';
import type { LinkedSignal } from '../../base/linked-signal.ts';
import type { DatabaseWorker } from './database-worker.ts';
import { ask, tookTooLong, type Patience } from './patience.ts';
import { Session } from './session.ts';
import type { Applied, Mode } from './worker-protocol.ts';

export interface TransactionTask<T> {
  readonly worker: DatabaseWorker;
  readonly file: string;
  readonly mode: Mode;
  readonly work: (session: Session) => Promise<T>;
  /** The migration that this transaction is, noted with it. */
  readonly applied?: Applied;
}

export interface TransactionBounds extends Patience {
  readonly transactionTimeoutMs: number;
  /** Ends it when it aborts; it is aborted when the time is up. */
  readonly link: LinkedSignal;
}

/** @throws the link's reason, `DATABASE_TIMEOUT`, what the work throws, and `ask`'s errors. */
export async function runTransaction<T>(task: TransactionTask<T>, bounds: TransactionBounds): Promise<T> {
  const { worker, file, mode, work, applied } = task;
  const { clock, transactionTimeoutMs, link } = bounds;
  const { signal } = link;
  const session = new Session(worker, bounds);
  const stop = (): void => session.stop(signal.reason);
  const disarm = clock.after(transactionTimeoutMs, () =>
    link.abort(tookTooLong('the transaction', transactionTimeoutMs)),
  );
  signal.addEventListener('abort', stop, { once: true });
  try {
    await ask(worker, bounds, { kind: 'begin', body: { file, mode }, sql: 'BEGIN' });
    signal.throwIfAborted();
    const result = await orAborted(work(session), signal);
    session.end();
    signal.throwIfAborted();
    await ask(worker, bounds, { kind: 'commit', body: { applied }, sql: 'COMMIT' });
    return result;
  } catch (error) {
    await session.settled();
    await rollback(worker, bounds);
    throw error;
  } finally {
    disarm();
    signal.removeEventListener('abort', stop);
  }
}

async function rollback(worker: DatabaseWorker, patience: Patience): Promise<void> {
  if (!worker.alive) return;
  try {
    await ask(worker, patience, { kind: 'rollback', body: {}, sql: 'ROLLBACK' });
  } catch (error) {
    // A worker that may still have the transaction is not used again.
    await worker.kill(error);
  }
}
