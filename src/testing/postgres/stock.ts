/**
 * The databases of one template in this process, by how they keep tests apart:
 *
 *   - `clone`: one for each test, copied from the template and dropped after it;
 *   - `recycle`: one that a test has to itself and that is emptied after it;
 *   - `tenant`: one for all, in which each test is a tenant of its own.
 *
 *   S1. One that a runtime did not leave in order is never given to another test.
 *   S2. One that is kept for a failed test is never touched again.
 */

import { EnginehouseError } from '../../base/errors.ts';
import { findDatabase, type ReadyDatabase } from '../../store/postgres/provision.ts';
import type { Isolation } from '../test-options.ts';
import { AdminSession } from './admin-session.ts';
import type { ClonePool } from './clone-pool.ts';
import { RecycledDatabase } from './recycled-database.ts';
import type { Template } from './template.ts';

export interface StockDeps {
  readonly template: Template;
  readonly pool: ClonePool;
  readonly urlOf: (database: string) => string;
  /** The key of this process. */
  readonly process: string;
  /** Sessions on a database that are not the kit's. */
  readonly sessionsLeft: (database: string) => Promise<number>;
}

/** A database in a test's hands. */
export interface Borrowed {
  readonly name: string;
  /** Takes it back. */
  giveBack(end: BorrowEnd): Promise<void>;
}

export interface BorrowEnd {
  readonly inOrder: boolean;
  readonly kept: boolean;
}

export class Stock {
  readonly #deps: StockDeps;
  readonly #free: RecycledDatabase[] = [];
  #common: Promise<string> | undefined;
  #commonIsKept = false;
  #access: Promise<ReadyDatabase> | undefined;

  constructor(deps: StockDeps) {
    this.#deps = deps;
  }

  borrow(isolation: Isolation): Promise<Borrowed> {
    if (isolation === 'clone') return this.#clone();
    return isolation === 'recycle' ? this.#recycled() : this.#shared();
  }

  /** The roles and the secret, which every copy has of the template. `database` is one to look into. */
  access(database: string): Promise<ReadyDatabase> {
    return (this.#access ??= findDatabase({
      url: this.#deps.urlOf(database),
      rolePrefix: this.#deps.template.name,
    }));
  }

  /**
   * Drops everything that is not kept. Nothing is borrowed any more.
   *
   * @throws `CLEANUP_INCOMPLETE` when a runtime left sessions on the database that tests shared, and what could not be dropped
   */
  async close(): Promise<void> {
    const { pool } = this.#deps;
    for (const recycled of this.#free.splice(0)) {
      await recycled.close();
      pool.drop(recycled.name);
    }
    const common = await this.#common?.catch(() => undefined);
    const left = common === undefined ? 0 : await this.#deps.sessionsLeft(common);
    if (common !== undefined && !this.#commonIsKept) pool.drop(common);
    await pool.close();
    if (left === 0) return;
    const what = `${left} sessions on the database that tests share, ${common}`;
    throw new EnginehouseError('CLEANUP_INCOMPLETE', `after the last test there are still: ${what}`, { left: [what] });
  }

  async #clone(): Promise<Borrowed> {
    const { pool } = this.#deps;
    const name = await pool.take();
    return {
      name,
      giveBack: async ({ kept }) => {
        if (!kept) pool.drop(name);
      },
    };
  }

  async #recycled(): Promise<Borrowed> {
    const recycled = this.#free.pop() ?? (await this.#newRecycled());
    const { name } = recycled;
    return {
      name,
      giveBack: async ({ inOrder, kept }) => {
        if (inOrder && !kept && (await isEmptied(recycled))) {
          this.#free.push(recycled);
          return;
        }
        await recycled.close();
        if (!kept) this.#deps.pool.drop(name);
      },
    };
  }

  async #newRecycled(): Promise<RecycledDatabase> {
    const { pool, urlOf, process } = this.#deps;
    const name = await pool.take();
    return new RecycledDatabase(name, new AdminSession(urlOf(name), process));
  }

  async #shared(): Promise<Borrowed> {
    this.#common ??= this.#deps.pool.take();
    return {
      name: await this.#common,
      giveBack: async ({ kept }) => {
        this.#commonIsKept ||= kept;
      },
    };
  }
}

/** One that cannot be emptied is dropped, which says enough if the server is in trouble. */
async function isEmptied(recycled: RecycledDatabase): Promise<boolean> {
  try {
    await recycled.empty();
    return true;
  } catch {
    return false;
  }
}
