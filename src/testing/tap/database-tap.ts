/**
 * Stands around the databases of the application's tables of one runtime and
 * sees their transactions.
 *
 *   D1. Busy is what waits for the database: for a turn, for a statement, for a
 *       commit. A transaction whose own code goes on, or was stopped by a test
 *       on purpose, is not, and neither is the user's next writer behind it.
 *   D2. A transaction is open from when it was asked for until its caller hears
 *       of its end.
 */

import { systemClock } from '../../base/clock.ts';
import { isEnginehouseError } from '../../base/errors.ts';
import { LinkedSignal } from '../../base/linked-signal.ts';
import { ownerKey, type Owner } from '../../context/ids.ts';
import type { AgentDatabases, TransactionOptions } from '../../event/database-session-manager.ts';
import type { BusySource } from '../activity.ts';
import { RowReaders, type RowReader } from './row-readers.ts';
import { TappedTransaction } from './tapped-transaction.ts';

export interface OpenTransaction {
  /** The user whose it is. */
  readonly owner: string;
  /** The stack of where it was asked for, when origins are kept. */
  readonly origin: string | undefined;
  /** When it was asked for, in real milliseconds since the epoch. */
  readonly since: number;
}

export class DatabaseTap implements BusySource {
  readonly name = 'database';
  readonly #keepOrigins: boolean;
  readonly #open = new Set<TappedTransaction>();
  readonly #rows = new RowReaders();
  #forgetting = 0;

  constructor(options: { readonly keepOrigins?: boolean } = {}) {
    this.#keepOrigins = options.keepOrigins ?? false;
  }

  /** For `Seams.aroundDatabases`. */
  around(databases: AgentDatabases): AgentDatabases {
    return {
      transaction: (owner, run, options) =>
        unlessOver(
          this.#through(owner, options, (transaction, bound) =>
            databases.transaction(owner, (session) => transaction.work(session, run), bound),
          ),
        ),
      forget: (owner) => this.#forget(() => databases.forget(owner)),
      close: () => databases.close(),
      [Symbol.asyncDispose]: () => databases.close(),
    };
  }

  /** D1. */
  busy(): number {
    const held = new Set([...this.#open].filter(({ idles }) => idles).map(({ parts }) => ownerKey(parts.owner)));
    const busy = [...this.#open].filter(
      ({ idles, waits, parts }) => !idles && !(waits && !parts.readOnly && held.has(ownerKey(parts.owner))),
    );
    return busy.length + this.#forgetting;
  }

  /** The transactions that have not ended, oldest first. */
  open(): readonly OpenTransaction[] {
    return [...this.#open].map(({ parts: { owner, asked, since } }) => ({
      owner: owner.userId,
      origin: asked?.stack,
      since,
    }));
  }

  /**
   * Rolls back what is open, and resolves when it has ended: nobody waits for a test's forgotten transaction.
   *
   * @param reason - what its caller gets; nothing, ever, with `AFTER_TEST`
   * @param users - the ids of those whose transactions end. Everybody's when left out
   */
  async abandon(reason: Error, users?: Iterable<string>): Promise<void> {
    const only = users === undefined ? undefined : new Set(users);
    const open = [...this.#open].filter(({ parts }) => only?.has(parts.owner.userId) ?? true);
    for (const { parts } of open) parts.link.abort(reason);
    await Promise.all(open.map(({ ended }) => ended));
  }

  /** Gets every parameter of a user's statements, and every row that they give. Call what it returns to stop. */
  onRows(reader: RowReader): () => void {
    return this.#rows.add(reader);
  }

  async #through<T>(
    owner: Owner,
    options: TransactionOptions,
    begin: (transaction: TappedTransaction, options: TransactionOptions) => Promise<T>,
  ): Promise<T> {
    const { signal, readOnly = false } = options;
    using link = new LinkedSignal(signal === undefined ? [] : [signal]);
    const asked = this.#keepOrigins ? new Error('a transaction was asked for here') : undefined;
    const since = systemClock.now();
    const transaction = new TappedTransaction({ owner, readOnly, since, asked, link, rows: this.#rows });
    this.#open.add(transaction);
    try {
      return await begin(transaction, { ...options, signal: link.signal });
    } finally {
      this.#open.delete(transaction);
      transaction.end();
    }
  }

  async #forget(forget: () => Promise<void>): Promise<void> {
    this.#forgetting += 1;
    try {
      await forget();
    } finally {
      this.#forgetting -= 1;
    }
  }
}

/** The caller may be a test that is over: what it gets would only make noise in the one that runs now. */
async function unlessOver<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (isEnginehouseError(error, 'AFTER_TEST')) return new Promise<never>(() => undefined);
    throw error;
  }
}
