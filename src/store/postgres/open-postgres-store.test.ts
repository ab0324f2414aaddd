import { afterAll, beforeAll, onTestFinished } from 'vitest';

import { storeContract } from '../../../test/contract/store.ts';
import { readyTestDatabase, type ReadyTestDatabase } from '../../../test/support/postgres-database.ts';
import { ResourceRegistry } from '../../base/resource-registry.ts';
import { resolveLimits } from '../../context/resolve-limits.ts';
import type { Store } from '../../event/store.ts';
import { openPostgresStore } from './open-postgres-store.ts';

let template: ReadyTestDatabase;
beforeAll(async () => {
  template = await readyTestDatabase();
});
afterAll(() => template[Symbol.asyncDispose]());

storeContract('PostgreSQL', async () => {
  const database = await readyTestDatabase(template.name);
  onTestFinished(() => database[Symbol.asyncDispose]());
  const open = (): Promise<Store> =>
    openPostgresStore({ database: database.ready, limits: resolveLimits(), resources: new ResourceRegistry() });
  const store = await open();
  const reopen = async (): Promise<Store> => {
    await store.close();
    return open();
  };
  return { store, reopen };
});
