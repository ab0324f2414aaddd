import { copyFileSync, existsSync, mkdirSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { AgentDefinition } from '../../src/agent/define-agent.ts';
import type { Migrations } from '../../src/event/migrations.ts';
import type { EnginehouseConfig, StoreOptions } from '../../src/startup/config.ts';
import type { EnginehouseRuntime } from '../../src/startup/runtime.ts';
import { startup } from '../../src/startup/startup.ts';
import type { TestDatabase } from '../../src/testing/postgres/test-databases.ts';
import { Cable } from './cable.ts';
import { testStore } from './test-store.ts';

/** The files of a data folder that outlive a power cut. */
const FILES = ['log.sqlite', 'log.sqlite-wal'];

interface Connected {
  readonly database: TestDatabase;
  readonly cable: Cable;
}

/** Stores of one test that outlive a runtime, gone after it: data folders, or databases where tests run on PostgreSQL. */
export class Disk implements AsyncDisposable {
  readonly #root: string;
  /** By the URL that a runtime has of it. */
  readonly #connected = new Map<string, Connected>();
  readonly #owned = new AsyncDisposableStack();
  #folders = 0;

  private constructor(root: string) {
    this.#root = root;
    this.#owned.defer(() => rm(root, { recursive: true, force: true }));
  }

  static async open(): Promise<Disk> {
    return new Disk(await mkdtemp(join(tmpdir(), 'enginehouse-disk-')));
  }

  /** A new folder. */
  folder(): string {
    this.#folders += 1;
    const folder = join(this.#root, String(this.#folders));
    mkdirSync(folder);
    return folder;
  }

  /** A new store, for an application with these tables. */
  async store(migrations?: Migrations): Promise<StoreOptions> {
    if (testStore === 'sqlite') return { path: this.folder() };
    const { openTestDatabase } = await import('../../src/testing/postgres/test-databases.ts');
    const database = await openTestDatabase({ plan: { migrations, seed: undefined }, isolation: 'clone' });
    this.#owned.defer(() => database.release({ failedTest: undefined, inOrder: true }));
    return this.#connect(database, database.store);
  }

  /**
   * What a power cut at this moment leaves of a store in use, for the next runtime; whoever uses it now may notice.
   *
   * A folder is copied: the log of writes is append-only and checked frame by frame, so a commit that is under way is
   * there whole or not at all. Of a database every connection is cut, and what the server had is what is there.
   */
  async afterPowerCut(store: StoreOptions): Promise<StoreOptions> {
    if (store.path !== undefined) return { path: this.#copyOf(store.path) };
    const { database, cable } = this.#connected.get(store.url ?? '') ?? missing(store);
    cable.cut();
    const left = await database.sessionsLeft();
    if (left > 0) throw new Error(`${left} sessions outlived the cut`);
    return this.#connect(database, store);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#owned.disposeAsync();
  }

  async #connect(database: TestDatabase, store: StoreOptions): Promise<StoreOptions> {
    const cable = this.#owned.use(await Cable.to(database.store.url ?? ''));
    this.#connected.set(cable.url, { database, cable });
    return { ...store, url: cable.url };
  }

  #copyOf(folder: string): string {
    const copy = this.folder();
    for (const file of FILES) if (existsSync(join(folder, file))) copyFileSync(join(folder, file), join(copy, file));
    return copy;
  }
}

function missing({ url }: StoreOptions): never {
  throw new Error(`no store of this test is at ${url}`);
}

/** The real runtime on a store, without a server. */
export function startOn(
  store: StoreOptions,
  agents: readonly AgentDefinition[],
  rest: Partial<EnginehouseConfig> = {},
): Promise<EnginehouseRuntime> {
  const config = {
    agents,
    log: 'silent',
    server: { listen: false },
    ...rest,
    store: { ...store, ...rest.store },
  } as const;
  const limits = { drainTimeoutMs: 0, cancelGraceMs: 100, ...rest.limits };
  return startup({ ...config, limits }, { env: {} });
}
