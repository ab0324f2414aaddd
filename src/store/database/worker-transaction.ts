import { SqliteAdapter, SqliteIntrospector, SqliteQueryCompiler, DummyDriver } from 'kysely';

import type { DatabaseWorker } from './database-worker.ts';
import { toValues } from './parameters.ts';
import { ask, type Patience } from './patience.ts';
import type { Language, TransactionPort } from './transaction-port.ts';
import type { Applied, Mode, StatementResult } from './worker-protocol.ts';

export const SQLITE: Language = {
  dialect: {
    createDriver: () => new DummyDriver(),
    createAdapter: () => new SqliteAdapter(),
    createQueryCompiler: () => new SqliteQueryCompiler(),
    createIntrospector: (db) => new SqliteIntrospector(db),
  },
  plugins: [],
};

export interface WorkerTransactionOptions {
  readonly worker: DatabaseWorker;
  readonly file: string;
  readonly mode: Mode;
  /** What is noted with it: the migration or the seed that this transaction is. */
  readonly applied?: Applied;
}

/** A transaction in a user's file, in a worker that nobody else uses meanwhile. */
export class WorkerTransaction implements TransactionPort {
  readonly #options: WorkerTransactionOptions;
  readonly #patience: Patience;

  constructor(options: WorkerTransactionOptions, patience: Patience) {
    this.#options = options;
    this.#patience = patience;
  }

  async begin(): Promise<void> {
    const { worker, file, mode } = this.#options;
    await ask(worker, this.#patience, { kind: 'begin', body: { file, mode }, sql: 'BEGIN' });
  }

  statement(sql: string, parameters: readonly unknown[]): Promise<StatementResult> {
    const body = { sql, parameters: toValues(sql, parameters) };
    return ask(this.#options.worker, this.#patience, { kind: 'statement', body, sql });
  }

  async script(sql: string): Promise<void> {
    await ask(this.#options.worker, this.#patience, { kind: 'script', body: { sql }, sql });
  }

  async commit(): Promise<void> {
    const { worker, applied } = this.#options;
    await ask(worker, this.#patience, { kind: 'commit', body: { applied }, sql: 'COMMIT' });
  }

  async rollback(): Promise<void> {
    const { worker } = this.#options;
    if (!worker.alive) return;
    try {
      await ask(worker, this.#patience, { kind: 'rollback', body: {}, sql: 'ROLLBACK' });
    } catch (error) {
      // A worker that may still have the transaction is not used again.
      await worker.kill(error);
    }
  }

  kill(reason: unknown): void {
    void this.#options.worker.kill(reason);
  }
}
