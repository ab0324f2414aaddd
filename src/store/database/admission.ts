/**
 * Who may begin a transaction on users' tables, and when. Whatever the database:
 *
 *   B1. One write transaction per user at a time, in the order they came; a
 *       read-only one runs beside it.
 *   B2. At most `databaseWorkers` transactions run and `databaseWaiting` wait;
 *       none waits longer than a transaction may take.
 *   B3. After `close` nothing begins, and what had begun has ended.
 */

import type { Clock } from '../../base/clock.ts';
import { EnginehouseError } from '../../base/errors.ts';
import { Gate } from '../../base/gate.ts';
import { LinkedSignal } from '../../base/linked-signal.ts';
import type { Limits } from '../../context/limits.ts';
import { UserLocks, type UserLock } from './user-locks.ts';

export interface AdmissionOptions {
  readonly limits: Pick<Limits, 'databaseWorkers' | 'databaseWaiting' | 'transactionTimeoutMs'>;
  readonly clock: Clock;
}

export interface TurnWish {
  /** Whose tables. */
  readonly key: string;
  /** A reader, which runs beside the user's writer. */
  readonly beside: boolean;
}

const RETRY_AFTER_MS = 1_000;

export class Admission {
  readonly #options: AdmissionOptions;
  readonly #closed = new AbortController();
  readonly #going = new Set<Promise<unknown>>();
  readonly #entrance: Gate;
  readonly #slots: Gate;
  readonly #locks: UserLocks;

  constructor(options: AdmissionOptions) {
    const { databaseWorkers: workers, databaseWaiting: waiting } = options.limits;
    const refuse = (): Error => databaseBusy(waiting, `${waiting} transactions wait for a database already`);
    this.#options = options;
    this.#entrance = new Gate(workers + waiting, 0, refuse);
    this.#slots = new Gate(workers, Number.POSITIVE_INFINITY, refuse);
    this.#locks = new UserLocks(refuse);
  }

  /** Aborted when this is closed. */
  get closed(): AbortSignal {
    return this.#closed.signal;
  }

  /**
   * Runs `work` unless too many are here. Its link aborts with `signal`, and when this is closed.
   *
   * @throws `DATABASE_BUSY`, `CLOSED`
   */
  admit<T>(signal: AbortSignal | undefined, work: (link: LinkedSignal) => Promise<T>): Promise<T> {
    return this.track(async () => {
      using _admitted = await this.#entrance.enter();
      using link = new LinkedSignal(signal === undefined ? [this.closed] : [this.closed, signal]);
      return await work(link);
    });
  }

  /** Runs `work`, which `close` waits for. @throws `CLOSED` */
  track<T>(work: () => Promise<T>): Promise<T> {
    if (this.closed.aborted) return Promise.reject(closedError());
    const going = work();
    this.#going.add(going);
    const done = (): void => void this.#going.delete(going);
    going.then(done, done);
    return going;
  }

  /** The turn to run, given back when it is disposed of. Rejects with the link's reason when it aborts first. */
  async turn({ key, beside }: TurnWish, link: LinkedSignal): Promise<Disposable> {
    using held = new DisposableStack();
    const lock = held.use(this.lock(key));
    using _waiting = this.limitWaiting(link);
    held.use(beside ? lock.read() : await lock.write(link.signal));
    held.use(await this.#slots.enter(link.signal));
    return held.move();
  }

  /** The lock of one user's tables. Dispose of it when done. */
  lock(key: string): UserLock {
    return this.#locks.take(key);
  }

  /** Aborts `link` when the transaction has not begun in time. */
  limitWaiting(link: LinkedSignal): Disposable {
    const { clock, limits } = this.#options;
    const { transactionTimeoutMs } = limits;
    const reason = `no database was free within ${transactionTimeoutMs} ms`;
    const disarm = clock.after(transactionTimeoutMs, () => link.abort(databaseBusy(this.#slots.waiting, reason)));
    return { [Symbol.dispose]: disarm };
  }

  async close(): Promise<void> {
    this.#closed.abort(closedError());
    await Promise.allSettled(this.#going);
  }
}

export function databaseBusy(waiting: number, reason: string, cause?: unknown): EnginehouseError<'DATABASE_BUSY'> {
  return new EnginehouseError('DATABASE_BUSY', reason, { waiting }, { retryAfterMs: RETRY_AFTER_MS, cause });
}

/** The refusal of every transaction where there are no migrations. */
export function notConfigured(): EnginehouseError<'DATABASE_NOT_CONFIGURED'> {
  return new EnginehouseError('DATABASE_NOT_CONFIGURED', 'the application declares no tables', {});
}

function closedError(): EnginehouseError<'CLOSED'> {
  return new EnginehouseError('CLOSED', "the users' databases are closed", { what: "the users' databases" });
}
