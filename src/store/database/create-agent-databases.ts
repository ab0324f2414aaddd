/**
 * The users' databases of one runtime: a SQLite file per user, opened in worker
 * processes of the process's pool.
 *
 *   A1. A transaction reaches its owner's file and no other: the file is named
 *       by a digest of the owner, and a worker is told one file per transaction.
 *   A2. Who may begin when is decided in `admission.ts`; a reader beside a writer
 *       is in another worker.
 *   A3. A file is migrated and seeded before anything else is done in it.
 *   A4. After `close`, no transaction runs, no file is open, and the workers
 *       are back in the pool.
 */

import { createHash } from 'node:crypto';
import { mkdir, rm } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';

import type { Kysely } from 'kysely';

import type { Clock } from '../../base/clock.ts';
import { EnginehouseError, isEnginehouseError } from '../../base/errors.ts';
import type { LinkedSignal } from '../../base/linked-signal.ts';
import type { ResourceRegistry } from '../../base/resource-registry.ts';
import { ownerKey, type Owner } from '../../context/ids.ts';
import type { Limits } from '../../context/limits.ts';
import type { AgentDatabases, TransactionOptions } from '../../event/database-session-manager.ts';
import type { Migrations, Seed } from '../../event/migrations.ts';
import { Admission, notConfigured } from './admission.ts';
import type { DatabaseWorker } from './database-worker.ts';
import { migrate, type FilePlan } from './migrate.ts';
import { planMigrations } from './migration-plan.ts';
import { ask, type Patience } from './patience.ts';
import { runTransaction, type TransactionBounds } from './run-transaction.ts';
import { seedFor } from './seed.ts';
import type { Session } from './session.ts';
import { databaseWorkers, type WorkerWish } from './worker-pool.ts';
import { SQLITE, WorkerTransaction } from './worker-transaction.ts';

export interface AgentDatabasesOptions {
  /** The data folder; asked for when the first database is used. The databases are in its `users/`. */
  readonly folder: () => string;
  /** The application's tables. Without them every transaction is refused. */
  readonly migrations: Migrations | undefined;
  /** What each user's tables hold at first. */
  readonly seed?: Seed | undefined;
  readonly limits: Pick<
    Limits,
    | 'databaseWorkers'
    | 'databaseWaiting'
    | 'databaseOpen'
    | 'databaseBytes'
    | 'databaseResultBytes'
    | 'statementTimeoutMs'
    | 'transactionTimeoutMs'
  >;
  readonly clock: Clock;
  readonly resources: ResourceRegistry;
  /** Runs when all databases are closed: takes a temporary folder away. */
  readonly afterClose?: () => Promise<void>;
}

/** One SQLite database per user, in worker processes. Opens nothing until it is used; the caller closes it. */
export function createAgentDatabases(options: AgentDatabasesOptions): AgentDatabases {
  return new SqliteAgentDatabases(options);
}

interface Task<T> {
  readonly owner: Owner;
  readonly file: string;
  readonly readOnly: boolean;
  readonly run: (session: Kysely<never>) => Promise<T>;
}

// Files known to be migrated. Forgetting one costs a look at its record.
const KNOWN_FILES = 10_000;

class SqliteAgentDatabases implements AgentDatabases {
  readonly #options: AgentDatabasesOptions;
  readonly #client = Symbol('agent databases');
  readonly #pool = databaseWorkers();
  readonly #admission: Admission;
  readonly #migrated = new Set<string>();
  #plan: FilePlan | undefined;
  #users: Promise<string> | undefined;
  #closing: Promise<void> | undefined;

  constructor(options: AgentDatabasesOptions) {
    this.#options = options;
    this.#admission = new Admission(options);
  }

  async transaction<T>(
    owner: Owner,
    run: (session: Kysely<never>) => Promise<T>,
    options: TransactionOptions,
  ): Promise<T> {
    const { readOnly = false, signal } = options;
    signal?.throwIfAborted();
    const plan = this.#decidePlan();
    return this.#admission.admit(signal, async (link) =>
      this.#perform({ owner, file: await this.#fileOf(owner), readOnly, run }, plan, link),
    );
  }

  async forget(owner: Owner): Promise<void> {
    await this.#admission.track(async () => {
      const file = await this.#fileOf(owner);
      using lock = this.#admission.lock(file);
      using _alone = await lock.write(this.#admission.closed);
      // From here on a reader must wait for its turn to write, so that no new one comes.
      this.#migrated.delete(file);
      await lock.readersGone();
      await this.#pool.closeFile(this.#client, file, this.#patience);
      await Promise.all(['', '-wal', '-shm'].map((suffix) => rm(`${file}${suffix}`, { force: true })));
    });
  }

  close(): Promise<void> {
    return (this.#closing ??= this.#shut());
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #shut(): Promise<void> {
    await this.#admission.close();
    await this.#pool.leave(this.#client, this.#patience);
    await this.#options.afterClose?.();
  }

  get #patience(): Patience {
    const { clock, limits } = this.#options;
    return { clock, statementTimeoutMs: limits.statementTimeoutMs };
  }

  async #perform<T>(task: Task<T>, plan: FilePlan, link: LinkedSignal): Promise<T> {
    const { file, readOnly } = task;
    // The first transaction in a file may have to migrate it, and so writes whatever it is for.
    const beside = readOnly && this.#migrated.has(file);
    using _turn = await this.#admission.turn({ key: file, beside }, link);
    // All workers may have died at once, and one more by chance.
    const attempts = this.#options.limits.databaseWorkers + 2;
    for (let attempt = 1; ; attempt += 1) {
      const outcome = await this.#try(task, beside ? undefined : plan, { link, last: attempt === attempts });
      if (outcome !== undefined) return outcome.result;
    }
  }

  /** One attempt in one worker. `undefined` when that was gone before the work began: then nothing was done, and another can do it. */
  async #try<T>(
    task: Task<T>,
    plan: FilePlan | undefined,
    { link, last }: { readonly link: LinkedSignal; readonly last: boolean },
  ): Promise<{ readonly result: T } | undefined> {
    const { file, readOnly, run } = task;
    const { databaseWorkers: limit, transactionTimeoutMs } = this.#options.limits;
    const worker = await this.#acquire({ client: this.#client, file, limit }, link);
    let begun = false;
    const work = ({ db }: Session): Promise<T> => {
      begun = true;
      return run(db);
    };
    try {
      const bounds = { ...this.#patience, transactionTimeoutMs, link };
      await this.#open(worker, task);
      if (plan !== undefined) await this.#migrateOnce(worker, file, plan, bounds);
      const port = new WorkerTransaction({ worker, file, mode: readOnly ? 'read' : 'write' }, bounds);
      return { result: await runTransaction({ port, language: SQLITE, work }, bounds) };
    } catch (error) {
      // It may have died while it idled, and nobody had noticed. What we ended ourselves has another reason.
      const died = !worker.alive && isEnginehouseError(error, 'DATABASE_FAILED');
      if (begun || last || !died) throw error;
      return undefined;
    } finally {
      this.#pool.release(worker);
    }
  }

  async #acquire(wish: WorkerWish, link: LinkedSignal): Promise<DatabaseWorker> {
    using _waiting = this.#admission.limitWaiting(link);
    return await this.#pool.acquire(wish, link.signal);
  }

  async #open(worker: DatabaseWorker, { file, owner }: Pick<Task<unknown>, 'file' | 'owner'>): Promise<void> {
    if (worker.touch(file)) return;
    const { databaseOpen, databaseBytes: fileBytes, databaseResultBytes: resultBytes } = this.#options.limits;
    // Not waited for: the worker closes them before it opens this one.
    while (worker.openFiles >= databaseOpen) void worker.closeOldest();
    const body = { file, limits: { fileBytes, resultBytes } };
    await ask(worker, this.#patience, { kind: 'open', body, sql: "opening the user's database" });
    worker.opened(file, this.#options.resources.opened('database', basename(file), owner.userId));
  }

  async #migrateOnce(worker: DatabaseWorker, file: string, plan: FilePlan, bounds: TransactionBounds): Promise<void> {
    if (this.#migrated.has(file)) return;
    await migrate(worker, file, plan, bounds);
    if (this.#migrated.size >= KNOWN_FILES) this.#migrated.clear();
    this.#migrated.add(file);
  }

  #decidePlan(): FilePlan {
    const { migrations, seed } = this.#options;
    if (migrations === undefined) throw notConfigured();
    return (this.#plan ??= { steps: planMigrations(migrations, 'sqlite'), seed: seedFor(seed, 'sqlite') });
  }

  async #fileOf(owner: Owner): Promise<string> {
    const digest = createHash('sha256').update(ownerKey(owner)).digest('hex');
    return join(await this.#usersFolder(), `${digest}.sqlite`);
  }

  /** Made once; a failure is not kept. Everybody waits for the same promise, so that nobody overtakes (A2). */
  #usersFolder(): Promise<string> {
    return (this.#users ??= this.#makeUsersFolder().catch((error: unknown) => {
      this.#users = undefined;
      const reason = error instanceof Error ? error.message : String(error);
      const operation = "make the folder of the users' databases";
      throw new EnginehouseError('STORE_FAILED', `${operation}: ${reason}`, { operation, reason }, { cause: error });
    }));
  }

  async #makeUsersFolder(): Promise<string> {
    const users = resolve(this.#options.folder(), 'users');
    await mkdir(users, { recursive: true, mode: 0o700 });
    return users;
  }
}
