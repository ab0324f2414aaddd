/**
 * The databases that the tests of this process have, on the server that they
 * take (test-postgres.ts).
 *
 *   D1. Two tests that would have the same tables share a template, and a stock.
 *   D2. A failed test's database is kept, and its URL told; every other one is gone
 *       when `close()` has ended.
 *   D3. What processes that were killed left on the server is dropped meanwhile.
 *   D4. A test that has a database when they are closed goes on with it; what it
 *       gives back is the last that is closed.
 */

import { holdingClock, sleep, systemClock } from '../../base/clock.ts';
import { Scope } from '../../base/scope.ts';
import type { TenantId } from '../../context/ids.ts';
import type { StoreOptions } from '../../startup/config.ts';
import type { ReadyDatabase } from '../../store/postgres/provision.ts';
import { atKitEnd } from '../kit-end.ts';
import type { Isolation } from '../test-options.ts';
import { AdminSession } from './admin-session.ts';
import { ClonePool } from './clone-pool.ts';
import { keepDatabase } from './kept-databases.ts';
import { dropLeftovers } from './leftovers.ts';
import { Stock, type Borrowed } from './stock.ts';
import { tellDropped, tellKept } from './tell-kept.ts';
import { readyTemplate } from './template.ts';
import { templateHash, type TemplatePlan } from './template-hash.ts';
import { cloneName, processKey, SESSION_PREFIX } from './test-database-name.ts';
import { testPostgres, type TestPostgres } from './test-postgres.ts';

/** A private server with a kept database lives on for so long. */
const KEPT_MS = 24 * 3_600_000;
/** A session ends a moment after its connection. */
const SESSION_END_MS = 1_000;
const LOOK_MS = 2;
/** Dropping what is left, one after the other, on a server that may be busy. */
const CLOSE_STEP_MS = 60_000;

export interface DatabaseRequest {
  readonly plan: TemplatePlan;
  readonly isolation: Isolation;
  /** Whose rows those of the test are, where tests share a database; for a person who looks into it. */
  readonly tenant?: TenantId | undefined;
}

/** How a test ended, as far as its database is concerned. */
export interface TestEnd {
  /** The name of the test, when it failed. */
  readonly failedTest: string | undefined;
  /** The runtime closed, and left nothing. */
  readonly inOrder: boolean;
}

/** A database as one test's runtime has it. */
export interface TestDatabase {
  readonly store: StoreOptions;
  /** Sessions of the runtime that are still on the server, given a moment to end; 0 where tests share a database. */
  sessionsLeft(): Promise<number>;
  /** Takes it back. */
  release(end: TestEnd): Promise<void>;
}

const KEY: unique symbol = Symbol.for('enginehouse.testing.databases');

/** On `globalThis`, because a runner may load this module more than once in a process. */
const place = globalThis as { [KEY]?: Promise<TestDatabases> | undefined };

/** A database for one test's runtime. @throws `POSTGRES_NOT_FOUND`, `POSTGRES_NOT_STARTED`, `MIGRATION_FAILED` */
export async function openTestDatabase(request: DatabaseRequest): Promise<TestDatabase> {
  if (place[KEY] === undefined) {
    const opening = TestDatabases.open();
    place[KEY] = opening;
    atKitEnd(closeTestDatabases);
    closeBeforeExit();
  }
  return (await place[KEY]).take(request);
}

/** Drops the databases of this process that are not kept, and lets the server go. @throws what could not be dropped */
async function closeTestDatabases(): Promise<void> {
  const open = place[KEY];
  place[KEY] = undefined;
  const databases = await open?.catch(() => undefined);
  await databases?.close();
}

let closesBeforeExit = false;

/** For a runner that lets its processes end by themselves, as node:test does; any other closes before. */
function closeBeforeExit(): void {
  if (closesBeforeExit) return;
  closesBeforeExit = true;
  process.on('beforeExit', () => void closeTestDatabases());
}

class TestDatabases {
  readonly #postgres: TestPostgres;
  readonly #key = processKey(process.pid, systemClock.now());
  readonly #maker: AdminSession;
  readonly #dropper: AdminSession;
  /** For what a test waits for, so that it does not wait for a copy to be made. */
  readonly #asker: AdminSession;
  readonly #stocks = new Map<string, Promise<Stock>>();
  readonly #leftovers: Promise<void>;
  /** Failed tests by the database that others still use. */
  readonly #keptAtEnd = new Map<string, string>();
  #longer: Promise<TestPostgres> | undefined;
  #copies = 0;
  #inUse = 0;
  #closes = false;

  static async open(): Promise<TestDatabases> {
    return new TestDatabases(await testPostgres());
  }

  private constructor(postgres: TestPostgres) {
    this.#postgres = postgres;
    this.#maker = new AdminSession(postgres.adminUrl, this.#key);
    this.#dropper = new AdminSession(postgres.adminUrl, this.#key);
    this.#asker = new AdminSession(postgres.adminUrl, this.#key);
    // Whether they can be dropped is not this process's concern.
    this.#leftovers = this.#dropper.alone(dropLeftovers).catch(() => undefined);
  }

  async take(request: DatabaseRequest): Promise<TestDatabase> {
    this.#inUse += 1;
    try {
      return await this.#take(request);
    } catch (error) {
      await this.#givenBack();
      throw error;
    }
  }

  /** D4. @throws what could not be dropped, several as an `AggregateError` */
  async close(): Promise<void> {
    this.#closes = true;
    if (this.#inUse === 0) await this.#close();
  }

  async #givenBack(): Promise<void> {
    this.#inUse -= 1;
    if (this.#closes && this.#inUse === 0) await this.#close();
  }

  async #take(request: DatabaseRequest): Promise<TestDatabase> {
    const stock = await this.#stockOf(request.plan);
    const borrowed = await stock.borrow(request.isolation);
    const { name } = borrowed;
    const { secret, roles } = await this.#accessTo(stock, borrowed);
    return {
      store: { url: this.#postgres.urlOf(name), secret, rolePrefix: roles.owner.replace(/_owner$/, '') },
      // Whose a session is cannot be told where tests share a database.
      sessionsLeft: async () => (request.isolation === 'tenant' ? 0 : this.#sessionsLeft(name)),
      release: (end) => this.#release({ borrowed, request }, end),
    };
  }

  async #close(): Promise<void> {
    const scope = new Scope('test databases', { releaseTimeoutMs: CLOSE_STEP_MS });
    scope.defer('server', () => this.#postgres.release());
    scope.defer('longer hold of the server', async () => (await this.#longer)?.release());
    for (const session of [this.#maker, this.#dropper, this.#asker]) scope.own('admin session', session);
    scope.defer('leftovers', () => this.#leftovers);
    for (const [name, test] of this.#keptAtEnd) scope.defer(`kept ${name}`, () => this.#keep(name, test));
    for (const [hash, opening] of this.#stocks) {
      const stock = await opening.catch(() => undefined);
      if (stock !== undefined) scope.defer(`databases of ${hash.slice(0, 12)}`, () => stock.close());
    }
    await scope.close();
  }

  #stockOf(plan: TemplatePlan): Promise<Stock> {
    const hash = templateHash(plan);
    const known = this.#stocks.get(hash) ?? this.#stock(plan);
    this.#stocks.set(hash, known);
    return known;
  }

  async #stock(plan: TemplatePlan): Promise<Stock> {
    const template = await readyTemplate(this.#maker, this.#postgres, plan);
    const pool = new ClonePool(template, {
      maker: this.#maker,
      dropper: this.#dropper,
      name: (of) => cloneName(of, this.#key, (this.#copies += 1)),
    });
    return new Stock({
      template,
      pool,
      process: this.#key,
      urlOf: (name) => this.#postgres.urlOf(name),
      sessionsLeft: (name) => this.#sessionsLeft(name),
    });
  }

  async #accessTo(stock: Stock, borrowed: Borrowed): Promise<ReadyDatabase> {
    try {
      return await stock.access(borrowed.name);
    } catch (error) {
      await borrowed.giveBack({ inOrder: false, kept: false });
      throw error;
    }
  }

  async #sessionsLeft(database: string): Promise<number> {
    const until = systemClock.now() + SESSION_END_MS;
    for (;;) {
      const left = await this.#asker.ask(
        `SELECT FROM pg_stat_activity
          WHERE datname = $1 AND backend_type = 'client backend' AND NOT starts_with(application_name, $2)`,
        [database, SESSION_PREFIX],
      );
      if (left.length === 0 || systemClock.now() > until) return left.length;
      await sleep(holdingClock, LOOK_MS);
    }
  }

  async #release({ borrowed, request }: InUse, { failedTest, inOrder }: TestEnd): Promise<void> {
    const kept = failedTest !== undefined;
    try {
      if (kept) await this.#keepFor(failedTest, borrowed.name, request);
      await borrowed.giveBack({ inOrder, kept });
    } finally {
      await this.#givenBack();
    }
  }

  async #keepFor(test: string, name: string, { isolation, tenant }: DatabaseRequest): Promise<void> {
    const { source, stopCommand } = this.#postgres;
    const isPrivate = source !== 'DATABASE_URL';
    if (isPrivate) await (this.#longer ??= testPostgres({ graceMs: KEPT_MS }));
    tellKept({ test, tenant, url: this.#postgres.urlOf(name), isPrivate, stopCommand });
    // One that is kept may be dropped for newer ones, and this one is in use.
    if (isolation === 'tenant') this.#keptAtEnd.set(name, test);
    else await this.#keep(name, test);
  }

  async #keep(name: string, test: string): Promise<void> {
    const dropped = await keepDatabase(this.#asker.ask, { name, test });
    for (const old of dropped) tellDropped(old);
  }
}

interface InUse {
  readonly borrowed: Borrowed;
  readonly request: DatabaseRequest;
}
