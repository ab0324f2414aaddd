/**
 * One transaction, from begin to its end.
 *
 *   T1. It is committed only when the work resolved, awaited all it issued, and
 *       nobody had asked to stop by then.
 *   T2. When this settles, no transaction is open.
 */

import { orAborted } from '../../base/deadline.ts';
import type { LinkedSignal } from '../../base/linked-signal.ts';
import { tookTooLong, type Patience } from './patience.ts';
import { Session } from './session.ts';
import type { Language, TransactionPort } from './transaction-port.ts';

export interface TransactionTask<T> {
  readonly port: TransactionPort;
  readonly language: Language;
  readonly work: (session: Session) => Promise<T>;
}

export interface TransactionBounds extends Patience {
  readonly transactionTimeoutMs: number;
  /** Ends it when it aborts; it is aborted when the time is up. */
  readonly link: LinkedSignal;
}

/** @throws the link's reason, `DATABASE_TIMEOUT`, what the work throws, and the port's errors. */
export async function runTransaction<T>(task: TransactionTask<T>, bounds: TransactionBounds): Promise<T> {
  const { port, language, work } = task;
  const { clock, transactionTimeoutMs, link } = bounds;
  const { signal } = link;
  const session = new Session(port, language);
  const stop = (): void => session.stop(signal.reason);
  const disarm = clock.after(transactionTimeoutMs, () =>
    link.abort(tookTooLong('the transaction', transactionTimeoutMs)),
  );
  signal.addEventListener('abort', stop, { once: true });
  try {
    await port.begin();
    signal.throwIfAborted();
    const result = await orAborted(work(session), signal);
    session.end();
    signal.throwIfAborted();
    await port.commit();
    return result;
  } catch (error) {
    await session.settled();
    await port.rollback();
    throw error;
  } finally {
    disarm();
    signal.removeEventListener('abort', stop);
  }
}
