import { mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { Clock } from '../base/clock.ts';
import type { ResourceRegistry } from '../base/resource-registry.ts';
import type { Scope } from '../base/scope.ts';
import type { Limits } from '../context/limits.ts';
import { createAgentDatabases } from '../store/database/create-agent-databases.ts';
import { openSqliteStore } from '../store/sqlite/open-sqlite-store.ts';
import type { ResolvedConfig } from './resolve-config.ts';

interface StoresDeps {
  readonly settled: Pick<ResolvedConfig, 'store' | 'migrations'>;
  readonly limits: Limits;
  readonly resources: ResourceRegistry;
  readonly clock: Clock;
}

/** Milliseconds that a store gets to close: its last commit waits for the disk. */
const CLOSE_TIMEOUT_MS = 10_000;

/** Opens the log's store and, beside it, the users' databases. `scope` closes both. */
export async function openStores({ settled, limits, resources, clock }: StoresDeps, scope: Scope) {
  const { path, maxBytes } = settled.store;
  const store = scope.own('store', await openSqliteStore({ path, maxBytes, limits, resources }), CLOSE_TIMEOUT_MS);
  const data = path === ':memory:' ? temporaryFolder() : { folder: () => path, remove: undefined };
  const databases = createAgentDatabases({
    folder: data.folder,
    migrations: settled.migrations,
    limits,
    clock,
    resources,
  });
  if (data.remove !== undefined) scope.defer('temporary data', data.remove);
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
