import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite';

import type { Row } from '../log/row.ts';

export interface ConnectionOptions {
  /** Statements that change anything fail. @default false */
  readonly readOnly?: boolean;
  /** Milliseconds that a statement waits for another connection's lock, holding its thread. */
  readonly busyTimeoutMs: number;
}

/**
 * One connection, with its statements prepared when first used and kept. Every
 * SQL text comes from this folder and holds no values, so there are few.
 */
export class Connection implements Disposable {
  readonly #database: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();

  constructor(file: string, { readOnly = false, busyTimeoutMs }: ConnectionOptions) {
    this.#database = new DatabaseSync(file, { readOnly, timeout: busyTimeoutMs });
  }

  /** Runs statements that return nothing. */
  exec(sql: string): void {
    this.#database.exec(sql);
  }

  /** The first row, also of an `INSERT … RETURNING`. */
  get(sql: string, ...values: readonly SQLInputValue[]): Row | undefined {
    return this.#statement(sql).get(...values);
  }

  all(sql: string, ...values: readonly SQLInputValue[]): readonly Row[] {
    return this.#statement(sql).all(...values);
  }

  /** Runs a statement and says how many rows it changed. */
  run(sql: string, ...values: readonly SQLInputValue[]): number {
    return Number(this.#statement(sql).run(...values).changes);
  }

  /**
   * Runs `work` in one transaction: all of it is durable when this returns, or
   * nothing of it happened and this throws.
   */
  transaction<T>(work: () => T): T {
    this.run('BEGIN IMMEDIATE');
    try {
      const result = work();
      this.run('COMMIT');
      return result;
    } catch (error) {
      // SQLite itself takes a transaction back after some failures, a full disk among them.
      if (this.#database.isTransaction) this.run('ROLLBACK');
      throw error;
    }
  }

  /** The whole database as bytes. */
  image(): Uint8Array {
    return this.#database.serialize();
  }

  /** Replaces what is in an empty database in memory by an image. */
  load(image: Uint8Array): void {
    this.#database.deserialize(image);
  }

  /** Idempotent. */
  [Symbol.dispose](): void {
    this.#statements.clear();
    if (this.#database.isOpen) this.#database.close();
  }

  #statement(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (statement === undefined) {
      statement = this.#database.prepare(sql);
      this.#statements.set(sql, statement);
    }
    return statement;
  }
}
