import { ResourceRegistry } from '../base/resource-registry.ts';
import type { Store } from '../event/store.ts';
import { resolveConfig } from '../startup/resolve-config.ts';
import { openSqliteStore } from '../store/sqlite/open-sqlite-store.ts';
import { loadApplication, type ApplicationOptions } from './application.ts';

/**
 * Opens the data folder to look at it, whether or not a server runs on it.
 *
 * @throws `NOT_FOUND` when the folder holds no store, `STORE_NEWER`
 */
export async function openStoreToRead(options: ApplicationOptions): Promise<Store> {
  const { store, limits } = resolveConfig((await loadApplication(options)).config, process.env);
  return openSqliteStore({ path: store.path, limits, resources: new ResourceRegistry(), readOnly: true });
}
