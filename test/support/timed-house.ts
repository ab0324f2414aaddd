import { sql } from 'kysely';

import type { LimitOptions } from '../../src/context/limits.ts';
import type { DatabaseTransaction } from '../../src/event/database-session-manager.ts';
import { TestClock } from '../../src/testing/test-clock.ts';
import { DataHouse, type DataHouseOptions } from './data-house.ts';
import { until } from './until.ts';

export type Issued = <T>(statement: Promise<T>) => Promise<T>;

/** A house whose time is moved by hand. */
export class TimedHouse implements AsyncDisposable {
  readonly clock: TestClock;
  readonly house: DataHouse;
  #issued = false;

  constructor(house: DataHouse, clock: TestClock) {
    this.house = house;
    this.clock = clock;
  }

  static async open(
    limits: LimitOptions = {},
    open: (options: DataHouseOptions) => Promise<DataHouse> = DataHouse.open,
  ): Promise<TimedHouse> {
    const clock = new TestClock();
    return new TimedHouse(await open({ clock, limits }), clock);
  }

  run(
    user: string,
    work: (db: DatabaseTransaction, issued: Issued) => Promise<unknown>,
    signal?: AbortSignal,
  ): Promise<unknown> {
    const issued: Issued = (statement) => {
      this.#issued = true;
      return statement;
    };
    return this.house.session(user).transaction(
      async (db: DatabaseTransaction) => {
        // A transaction may begin with its first statement, and wait until then.
        await sql`SELECT 1`.execute(db);
        return work(db, issued);
      },
      signal === undefined ? {} : { signal },
    );
  }

  /** A transaction that has written and idles until it is let go. */
  hold(user: string, then: (db: DatabaseTransaction) => Promise<void> = async () => undefined, signal?: AbortSignal) {
    const held = Promise.withResolvers<void>();
    const released = Promise.withResolvers<void>();
    const done = Promise.withResolvers<void>();
    const ended = this.run(
      user,
      async (db) => {
        await db.insertInto('stock').values({ sku: 'held', count: 1 }).execute();
        held.resolve();
        await released.promise;
        await then(db).then(done.resolve, done.reject);
      },
      signal,
    );
    const letGo = (): Promise<void> => {
      released.resolve();
      return done.promise;
    };
    return { ended, held: held.promise, letGo };
  }

  insert(user: string, sku: string): Promise<unknown> {
    return this.run(user, (db) => db.insertInto('stock').values({ sku, count: 1 }).execute());
  }

  async skus(user: string): Promise<readonly unknown[]> {
    const rows = await this.house
      .session(user)
      .transaction((db) => db.selectFrom('stock').select('sku').orderBy('sku').execute());
    return rows.map(({ sku }) => sku);
  }

  /** Resolves when the statement that was marked as issued has its limit armed, beside the transaction's. */
  statementRuns(): Promise<void> {
    return until('the statement runs', () => this.#issued && this.clock.pending === 2);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.house.databases.close();
  }
}

/** What an error of a limit in time looks like. */
export function timeout(what: unknown, timeoutMs: number): object {
  return { code: 'DATABASE_TIMEOUT', details: { what, timeoutMs } };
}
