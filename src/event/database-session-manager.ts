import type { Kysely, Transaction } from 'kysely';

import { LinkedSignal } from '../base/linked-signal.ts';
import type { Owner } from '../context/ids.ts';
import type { UserExecutionContext } from '../context/user-execution-context.ts';

/** A transaction on the application's tables: Kysely, with the shape of the tables where the caller says it. */
export type DatabaseTransaction<Tables = AnyTables> = Transaction<Tables>;

/** Tables of which nothing is known: every name is a table, every column may hold anything. */
export type AnyTables = Record<string, Record<string, unknown>>;

export interface TransactionOptions {
  /** Refuse every write. SQL that a model wrote belongs here. @default false */
  readonly readOnly?: boolean;
  /** Rolls back and rejects with the signal's reason when it aborts. */
  readonly signal?: AbortSignal;
}

/** Where an owner's tables are: the port behind `DatabaseSessionManager`, implemented in `store/`. */
export interface AgentDatabases extends AsyncDisposable {
  transaction<T>(owner: Owner, run: (session: Kysely<never>) => Promise<T>, options: TransactionOptions): Promise<T>;
  /** Deletes everything of the owner. */
  forget(owner: Owner): Promise<void>;
  close(): Promise<void>;
}

/**
 * Real transactions on the application's own tables, as the context's user and
 * as nobody else: there is no argument that names another user. The system's
 * own tables are never reachable from here.
 */
export class DatabaseSessionManager {
  readonly #context: UserExecutionContext;
  readonly #databases: AgentDatabases;
  readonly #until: AbortSignal | undefined;

  /** After `until` aborts it refuses, and what is under way is rolled back. */
  constructor(context: UserExecutionContext, databases: AgentDatabases, until?: AbortSignal) {
    this.#context = context;
    this.#databases = databases;
    this.#until = until;
  }

  /** The same sessions for a part of the work that ends with `signal`: one attempt, one tool call. */
  until(signal: AbortSignal): DatabaseSessionManager {
    return new DatabaseSessionManager(this.#context, this.#databases, signal);
  }

  /**
   * Runs `work` in one transaction: committed when it resolves, rolled back when it rejects.
   * A statement has 30 s, a transaction 60 s. Await every statement; one left behind is refused.
   *
   * @throws `DATABASE_NOT_CONFIGURED`, `DATABASE_TIMEOUT`, `DATABASE_DENIED`, `DATABASE_FAILED`,
   * `DATABASE_RESULT_TOO_LARGE`, `DATABASE_BUSY`, `MIGRATION_FAILED`, and whatever `work` throws.
   * @example
   * await engine.databaseSessionManager.transaction((db: DatabaseTransaction<ShopTables>) =>
   *   db.updateTable('stock').set({ count: 3 }).where('sku', '=', 'otter-1').execute(),
   * );
   */
  async transaction<T, Tables = AnyTables>(
    work: (session: DatabaseTransaction<Tables>) => Promise<T>,
    options: TransactionOptions = {},
  ): Promise<T> {
    this.#until?.throwIfAborted();
    const signals = [this.#until, options.signal].filter((signal) => signal !== undefined);
    using link = new LinkedSignal(signals);
    const bound = signals.length === 0 ? options : { ...options, signal: link.signal };
    // The adapter knows no tables; the caller does.
    return await this.#databases.transaction(
      this.#context,
      work as unknown as (session: Kysely<never>) => Promise<T>,
      bound,
    );
  }
}
