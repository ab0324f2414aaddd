import { mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { Clock } from '../base/clock.ts';
import type { ResourceRegistry } from '../base/resource-registry.ts';
import type { Scope } from '../base/scope.ts';
import type { TenantId } from '../context/ids.ts';
import type { Limits } from '../context/limits.ts';
import type { AgentDatabases } from '../event/database-session-manager.ts';
import type { Store } from '../event/store.ts';
import { createAgentDatabases } from '../store/database/create-agent-databases.ts';
import { openSqliteStore } from '../store/sqlite/open-sqlite-store.ts';
import type { ResolvedConfig, ResolvedStore } from './resolve-config.ts';

interface StoresDeps {
  readonly settled: Pick<ResolvedConfig, 'store' | 'migrations' | 'seed'>;
  readonly limits: Limits;
  readonly resources: ResourceRegistry;
  readonly clock: Clock;
  readonly tenant: TenantId | undefined;
}

export interface Stores {
  readonly store: Store;
  readonly databases: AgentDatabases;
}

type Kept<Kind extends ResolvedStore['kind']> = Extract<ResolvedStore, { readonly kind: Kind }>;

/** Milliseconds that a store gets to close: its last commit waits for the disk. */
const CLOSE_TIMEOUT_MS = 10_000;

/** Opens the log's store and, beside it, the users' databases. `scope` closes both. */
export function openStores(deps: StoresDeps, scope: Scope): Promise<Stores> {
  const { store } = deps.settled;
  return store.kind === 'sqlite' ? openSqlite(store, deps, scope) : openPostgres(store, deps, scope);
}

async function openSqlite({ path, maxBytes }: Kept<'sqlite'>, deps: StoresDeps, scope: Scope): Promise<Stores> {
  const { settled, limits, resources, clock } = deps;
  const store = scope.own('store', await openSqliteStore({ path, maxBytes, limits, resources }), CLOSE_TIMEOUT_MS);
  const data = path === ':memory:' ? temporaryFolder() : { folder: () => path, remove: undefined };
  const databases = createAgentDatabases({
    folder: data.folder,
    migrations: settled.migrations,
    seed: settled.seed,
    limits,
    clock,
    resources,
  });
  if (data.remove !== undefined) scope.defer('temporary data', data.remove);
  scope.own('databases', databases, CLOSE_TIMEOUT_MS);
  return { store, databases };
}

async function openPostgres({ target }: Kept<'postgres'>, deps: StoresDeps, scope: Scope): Promise<Stores> {
  // Loaded where it is used: most runtimes on a laptop and in tests need no PostgreSQL client.
  const { createPostgresDatabases, openPostgresStore, readyDatabase } = await import('../store/postgres/index.ts');
  const { settled, limits, resources, clock, tenant } = deps;
  const { migrations, seed } = settled;
  const database = await readyDatabase(target, migrations);
  const store = await openPostgresStore({ database, limits, resources, tenant });
  scope.own('store', store, CLOSE_TIMEOUT_MS);
  const databases = createPostgresDatabases({ database, migrations, seed, limits, clock, resources });
  scope.own('databases', databases, CLOSE_TIMEOUT_MS);
  return { store, databases };
}

/** A store in memory has its users' databases in a folder that goes with it, made when one is first used. */
function temporaryFolder(): { readonly folder: () => string; readonly remove: () => Promise<void> } {
  let made: string | undefined;
  return {
    folder: () => (made ??= mkdtempSync(join(tmpdir(), 'enginehouse-'))),
    remove: async () => {
      if (made !== undefined) await rm(made, { recursive: true, force: true });
    },
  };
}
