import { storeContract } from '../../../test/contract/store.ts';
import { ResourceRegistry } from '../../base/resource-registry.ts';
import { openSqliteStore } from './open-sqlite-store.ts';

storeContract('SQLite in memory', async () => ({
  store: await openSqliteStore({
    path: ':memory:',
    limits: { commitBytes: 262_144 },
    resources: new ResourceRegistry(),
  }),
}));
