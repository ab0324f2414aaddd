import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

import { privateServers } from '../../src/testing/postgres/private-servers.ts';
import { asAdmin } from '../support/postgres-database.ts';
import { PostgresHome } from '../support/postgres-home.ts';

const FILE = fileURLToPath(new URL('../support/fixture/node-door.ts', import.meta.url));
const ON_BOTH_STORES = fileURLToPath(new URL('../support/fixture/node-stores.ts', import.meta.url));

/** What node:test says of a file, as TAP, and how it exits. */
function nodeTest(
  file: string,
  more: Readonly<Record<string, string>> = {},
): Promise<{ readonly exitCode: number; readonly said: string }> {
  const own = Object.entries(process.env).filter(([name]) => !/^(?:NODE_|VITEST|DATABASE_URL$)/.test(name));
  const env = { ...Object.fromEntries(own), ...more };
  const { promise, resolve } = Promise.withResolvers<{ exitCode: number; said: string }>();
  const child = execFile(
    process.execPath,
    ['--test', '--test-reporter=tap', file],
    { env, timeout: 25_000 },
    (_error, said) => resolve({ exitCode: child.exitCode ?? -1, said }),
  );
  return promise;
}

test('the fixtures run under node:test, and its process ends by itself', async () => {
  const { exitCode, said } = await nodeTest(FILE);

  expect([...said.matchAll(/^(?:not )?ok \d+ - .*$/gm)].map(([line]) => line)).toEqual([
    'ok 1 - a runtime of its own, found by the accessor',
    'ok 2 - over a socket, on a runtime that tests share',
    'not ok 3 - what it leaves open fails it',
  ]);
  expect(said).toMatch(/timer left behind of alice-[^]*TEST_LEFT_OPEN/);
  expect(exitCode).toBe(1);
});

test('under node:test a failed test’s database is kept, and the process drops every other before it ends', async () => {
  await using home = await PostgresHome.make();

  const { said } = await nodeTest(ON_BOTH_STORES, { ENGINEHOUSE_POSTGRES_FOLDER: home.folder });

  expect([...said.matchAll(/^(?:not )?ok \d+ - .*$/gm)].map(([line]) => line)).toEqual([
    'ok 1 - a run on sqlite',
    'ok 2 - a run on postgres',
    'not ok 3 - a failure on postgres',
  ]);
  const [server] = await privateServers([home.folder]);
  const databases = await asAdmin(
    server?.urls?.adminUrl ?? '',
    `SELECT shobj_description(oid, 'pg_database') AS comment FROM pg_database WHERE datname ~ '^enginehouse_test_[0-9a-f]{12}_'`,
  );
  expect(databases).toEqual([{ comment: expect.stringContaining('"test":"a failure on postgres"') }]);
});
