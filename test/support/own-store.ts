import { onTestFinished } from 'vitest';

import type { ResourceRegistry } from '../../src/base/resource-registry.ts';
import type { Limits } from '../../src/context/limits.ts';
import type { Migrations } from '../../src/event/migrations.ts';
import type { Store } from '../../src/event/store.ts';
import type { StoreOptions } from '../../src/startup/config.ts';
import { openSqliteStore } from '../../src/store/sqlite/open-sqlite-store.ts';
import { testStore } from './test-store.ts';

/**
 * A store of the calling test's own, gone after it: in memory, or a database where tests run on PostgreSQL. Not for
 * tests that run at once with others of their file: which one calls is not known there.
 */
export async function ownStore(migrations?: Migrations): Promise<StoreOptions> {
  return testStore === 'sqlite' ? { path: ':memory:' } : ownDatabase(migrations);
}

/** Such a store, opened, without the rest of a runtime; whoever calls closes it. */
export async function openOwnStore(parts: {
  readonly limits: Limits;
  readonly resources: ResourceRegistry;
}): Promise<Store> {
  if (testStore === 'sqlite') return openSqliteStore({ path: ':memory:', ...parts });
  const { openPostgresStore, readyDatabase } = await import('../../src/store/postgres/index.ts');
  return openPostgresStore({ database: await readyDatabase(await ownDatabase()), ...parts });
}

async function ownDatabase(migrations?: Migrations) {
  const { openTestDatabase } = await import('../../src/testing/postgres/test-databases.ts');
  const database = await openTestDatabase({ plan: { migrations, seed: undefined }, isolation: 'recycle' });
  onTestFinished(async ({ task }) => {
    const inOrder = (await database.sessionsLeft()) === 0;
    const failedTest = task.result?.state === 'fail' ? task.fullTestName : undefined;
    await database.release({ failedTest, inOrder });
  });
  const { url = '', ...rest } = database.store;
  return { url, ...rest };
}
