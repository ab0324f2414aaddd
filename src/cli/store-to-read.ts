import { ResourceRegistry } from '../base/resource-registry.ts';
import type { Limits } from '../context/limits.ts';
import type { Store } from '../event/store.ts';
import { resolveConfig, type ResolvedStore } from '../startup/resolve-config.ts';
import { openSqliteStore } from '../store/sqlite/open-sqlite-store.ts';
import { loadApplication, type ApplicationOptions } from './application.ts';

/**
 * Opens the data folder, or the database, to look at it, whether or not a server runs on it.
 *
 * @throws `NOT_FOUND` when there is no store yet, `STORE_NEWER`, `STORE_FAILED`
 */
export async function openStoreToRead(options: ApplicationOptions): Promise<Store> {
  const { config, env } = await loadApplication(options);
  const { store, limits } = resolveConfig(config, env);
  return openToRead(store, limits);
}

export async function openToRead(store: ResolvedStore, limits: Limits): Promise<Store> {
  const resources = new ResourceRegistry();
  if (store.kind === 'sqlite') return openSqliteStore({ path: store.path, limits, resources, readOnly: true });
  const { existingDatabase, openPostgresStore } = await import('../store/postgres/index.ts');
  const database = await existingDatabase(store.target);
  return openPostgresStore({ database, limits, resources, readOnly: true });
}
