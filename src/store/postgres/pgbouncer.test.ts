/** Behind PgBouncer in transaction mode, where a connection is lent for one transaction only. */

import { expect } from 'vitest';

import {
  accept,
  ada,
  adaElsewhere,
  ALL,
  bob,
  contentOf,
  delta,
  newArtifact,
} from '../../../test/contract/store/samples.ts';
import { PgBouncer } from '../../../test/support/pgbouncer.ts';
import { freshDatabase } from '../../../test/support/postgres-database.ts';
import { testWithPgBouncer } from '../../../test/support/requirements.ts';
import { testPostgres } from '../../testing/postgres/test-postgres.ts';
import { ResourceRegistry } from '../../base/resource-registry.ts';
import { runId } from '../../context/ids.ts';
import { resolveLimits } from '../../context/resolve-limits.ts';
import type { Store } from '../../event/store.ts';
import { openPostgresStore } from './open-postgres-store.ts';
import { readyDatabase } from './ready-database.ts';

interface Pooled extends AsyncDisposable {
  /** The database's URL through the pooler. */
  readonly url: string;
}

async function pooledDatabase(program: string): Promise<Pooled> {
  await using made = new AsyncDisposableStack();
  const postgres = made.use(await testPostgres());
  const { name } = made.use(await freshDatabase());
  const pooler = made.use(await PgBouncer.start(program, postgres.tcpUrl));
  const owned = made.move();
  return { url: pooler.urlOf(postgres.urlOf(name, { tcp: true })), [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

async function openAt(url: string, { prepare, tenant }: { prepare: boolean; tenant?: string }): Promise<Store> {
  const database = await readyDatabase({ url, prepare });
  return openPostgresStore({ database, limits: resolveLimits(), resources: new ResourceRegistry(), tenant });
}

testWithPgBouncer('behind PgBouncer a database is migrated, written by many at once, and read', async (program) => {
  await using pooled = await pooledDatabase(program);
  await using store = await openAt(pooled.url, { prepare: false });
  const owners = [ada, bob, adaElsewhere];

  await Promise.all(
    owners.flatMap((owner) =>
      Array.from({ length: 10 }, async (_, at) => {
        const { runId: run } = await accept(store.for(owner), `r${at}`);
        for (let head = 1; head < 20;)
          head = await store.for(owner).log.append(run, { generation: 1, after: head, events: [delta('a')] });
        await store.for(owner).log.read(run, 0, ALL);
      }),
    ),
  );
  await store.for(ada).artifacts.put(newArtifact('f1'), [Buffer.alloc(300_000, 'x')], 1_000_000);

  expect(await store.for(bob).runs.list({ limit: 100 })).toHaveLength(10);
  expect((await store.for(adaElsewhere).log.read(runId('r9'), 0, ALL)).map(({ seq }) => seq)).toHaveLength(20);
  expect(await contentOf(store.for(ada).artifacts, 'f1')).toHaveLength(300_000);
  expect(await store.for(bob).artifacts.get('f1')).toBeUndefined();
});

testWithPgBouncer('behind PgBouncer a database is of one runtime, until that closes', async (program) => {
  await using pooled = await pooledDatabase(program);
  const first = await openAt(pooled.url, { prepare: false });

  await expect(openAt(pooled.url, { prepare: false })).rejects.toMatchObject({
    code: 'STORE_IN_USE',
    message: expect.stringMatching(new RegExp(`enginehouse [0-9a-f]{8} ${process.pid}@`)),
  });
  await first.close();

  await using second = await openAt(pooled.url, { prepare: false });
  expect(await second.unfinished()).toEqual([]);
});

testWithPgBouncer(
  'behind a PgBouncer that does not keep named statements, the failure says what to set',
  async (program) => {
    await using pooled = await pooledDatabase(program);

    const mixedUp = async (): Promise<void> => {
      await using one = await openAt(pooled.url, { prepare: true, tenant: 'one' });
      await using two = await openAt(pooled.url, { prepare: true, tenant: 'two' });
      await Promise.all([one, two].flatMap((store) => Array.from({ length: 20 }, () => store.unfinished())));
    };

    await expect(mixedUp()).rejects.toMatchObject({
      code: 'STORE_FAILED',
      cure: expect.stringContaining('ENGINEHOUSE_DATABASE_PREPARE'),
    });
  },
);
