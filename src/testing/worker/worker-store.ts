import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { StoreOptions } from '../../startup/config.ts';
import { loadConfig } from '../../startup/load-config.ts';
import { resolveTestStore, type Isolation, type TestStore } from '../test-options.ts';

/** A durable store that outlives the processes which work on it. */
export interface WorkerStore {
  readonly options: StoreOptions;
  /** Takes it back. `inOrder` says that the last process on it ended by itself. */
  release(end: { readonly inOrder: boolean }): Promise<void>;
}

/** A store of a worker's own. @throws `CONFIG_INVALID`, and what a test database throws */
export async function openWorkerStore(store: TestStore | undefined, config: string): Promise<WorkerStore> {
  const resolved = resolveTestStore(store);
  if (resolved.kind === 'sqlite') return openFolder();
  // A database to itself, whatever is said of tenants: recovery takes up all that is unfinished in it.
  return openDatabase(config, resolved.isolation === 'tenant' ? 'clone' : resolved.isolation);
}

async function openFolder(): Promise<WorkerStore> {
  const path = await mkdtemp(join(tmpdir(), 'enginehouse-worker-'));
  // A process of a user's tables that lost its parent may be about to end.
  const remove = (): Promise<void> => rm(path, { recursive: true, force: true, maxRetries: 5, retryDelay: 20 });
  return { options: { path }, release: remove };
}

async function openDatabase(file: string, isolation: Isolation): Promise<WorkerStore> {
  const { database } = await loadConfig(file);
  // Loaded where it is used: most tests need no PostgreSQL client.
  const { openTestDatabase } = await import('../postgres/test-databases.ts');
  const plan = { migrations: database?.migrations, seed: database?.seed };
  const taken = await openTestDatabase({ plan, isolation, tenant: undefined });
  return {
    options: taken.store,
    release: async ({ inOrder }) => {
      const left = inOrder ? await taken.sessionsLeft() : 0;
      await taken.release({ failedTest: undefined, inOrder: inOrder && left === 0 });
    },
  };
}
