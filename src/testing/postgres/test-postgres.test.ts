import { existsSync, statSync } from 'node:fs';
import { chmod, mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';

import { Client } from 'pg';
import { expect, test } from 'vitest';

import { PostgresHome } from '../../../test/support/postgres-home.ts';
import { PostgresProcess } from '../../../test/support/postgres-process.ts';
import { testWithInstalledPostgres } from '../../../test/support/requirements.ts';
import { until } from '../../../test/support/until.ts';
import { serverUser } from './server-user.ts';
import { testPostgres } from './test-postgres.ts';

test('the binaries that npm brings answer over a socket and over TCP, as a user who is not root', async () => {
  await using home = await PostgresHome.make();
  await using postgres = await testPostgres(home.options({ source: 'npm' }));

  await expectToAnswer(postgres);

  expect(postgres).toMatchObject({ source: 'npm', version: expect.stringMatching(/^\d+\.\d+$/) });
});

testWithInstalledPostgres(
  'an installed PostgreSQL answers over a socket and over TCP, as a user who is not root',
  async () => {
    await using home = await PostgresHome.make();
    await using postgres = await testPostgres(home.options({ source: 'installed' }));

    await expectToAnswer(postgres);

    expect(postgres.source).toBe('installed');
  },
);

test('a server for tests waits for no disk, and a durable one does', async () => {
  await using home = await PostgresHome.make();
  await using fast = await testPostgres(home.options());
  await using durable = await testPostgres(home.options({ durable: true }));
  const settings = `SELECT current_setting('fsync'), current_setting('full_page_writes'), current_setting('synchronous_commit')`;

  expect(await rowOf(fast.adminUrl, settings)).toEqual(['off', 'off', 'off']);
  expect(await rowOf(durable.adminUrl, settings)).toEqual(['on', 'on', 'on']);
});

test('a private server refuses who comes over TCP without its password, and keeps others from its files', async () => {
  await using home = await PostgresHome.make();
  await using postgres = await testPostgres(home.options());
  const withoutPassword = new URL(postgres.tcpUrl);
  withoutPassword.password = 'guessed';
  const folder = await home.server();

  await expect(rowOf(withoutPassword.href, 'SELECT 1')).rejects.toMatchObject({ code: '28P01' });
  expect(await rowOf(postgres.adminUrl, `SELECT current_setting('listen_addresses')`)).toEqual(['127.0.0.1']);
  for (const secret of ['s', 'server.json', 'postgres.log', 'keeper.sock']) {
    expect([secret, (await stat(join(folder, secret))).mode & 0o077]).toEqual([secret, 0]);
  }
});

test('the callers of one process share a server, which ends when the last of them lets go', async () => {
  await using home = await PostgresHome.make();
  const [first, second] = await Promise.all([testPostgres(home.options()), testPostgres(home.options())]);
  const folder = await home.server();
  const pid = await home.serverPid();

  await first.release();
  await first.release();
  const stillThere = await rowOf(second.urlOf('template1'), 'SELECT current_database()');
  await second.release();

  expect(second.adminUrl).toBe(first.adminUrl);
  expect(stillThere).toEqual(['template1']);
  await home.gone(folder, pid);
});

test('processes that ask at once share one server, and it ends with the last of them', async () => {
  await using home = await PostgresHome.make();
  await using first = new PostgresProcess(home.options());
  await using second = new PostgresProcess(home.options());
  await using third = new PostgresProcess(home.options());
  const all = [first, second, third];

  const given = await Promise.all(all.map((one) => one.given));
  const ports = await Promise.all(all.map((one) => one.ask(`SELECT inet_server_port(), pg_postmaster_start_time()`)));
  const folder = await home.server();
  const pid = await home.serverPid();
  const codes = [await first.end(), await second.end()];
  const afterTwo = await third.ask('SELECT 1');

  expect(new Set(given.map(({ adminUrl }) => adminUrl)).size).toBe(1);
  expect(new Set(ports.map((row) => JSON.stringify(row))).size).toBe(1);
  expect(codes).toEqual([0, 0]);
  expect(afterTwo).toEqual([1]);
  await third.end();
  await home.gone(folder, pid);
});

test('a server outlives a killed process by the grace that was asked for, for the next one', async () => {
  await using home = await PostgresHome.make();
  await using killed = new PostgresProcess(home.options({ graceMs: 60_000 }));
  const { adminUrl } = await killed.given;

  await killed.kill();
  await using next = new PostgresProcess(home.options());

  expect((await next.given).adminUrl).toBe(adminUrl);
});

test('a killed process leaves nothing behind once the grace is over', async () => {
  await using home = await PostgresHome.make();
  await using killed = new PostgresProcess(home.options());
  await killed.given;
  const folder = await home.server();
  const pid = await home.serverPid();

  await killed.kill();

  await home.gone(folder, pid);
});

test('a server whose keeper was killed goes on for those who hold it, with another keeper', async () => {
  await using home = await PostgresHome.make();
  await using holder = new PostgresProcess(home.options());
  const { adminUrl } = await holder.given;
  const folder = await home.server();
  const [keeper, pid] = [await home.keeperPid(), await home.serverPid()];

  await home.killKeeper();
  await home.anotherKeeper(keeper);
  await using next = new PostgresProcess(home.options());

  expect((await next.given).adminUrl).toBe(adminUrl);
  expect(await home.serverPid()).toBe(pid);
  await holder.end();
  expect(await next.ask('SELECT 1')).toEqual([1]);
  await next.end();
  await home.gone(folder, pid);
});

test('a server that killed processes left is taken over by the next who wants it', async () => {
  await using home = await PostgresHome.make();
  await using holder = new PostgresProcess(home.options());
  const { adminUrl } = await holder.given;
  await holder.ask('CREATE TABLE left_behind ()');
  const folder = await home.server();
  const pid = await home.serverPid();
  // Stopped, it cannot look for another keeper.
  holder.pause();
  await home.killKeeper();
  await holder.kill();

  await using next = new PostgresProcess(home.options());

  expect((await next.given).adminUrl).toBe(adminUrl);
  expect(await next.ask(`SELECT to_regclass('left_behind')::text`)).toEqual(['left_behind']);
  await next.end();
  await home.gone(folder, pid);
});

test('a server that was left and does not answer is ended, and a fresh one started', async () => {
  await using home = await PostgresHome.make();
  await using holder = new PostgresProcess(home.options());
  const { adminUrl } = await holder.given;
  const pid = await home.serverPid();
  holder.pause();
  await home.killKeeper();
  await holder.kill();
  process.kill(pid, 'SIGSTOP');

  await using next = new PostgresProcess(home.options());

  expect((await next.given).adminUrl).not.toBe(adminUrl);
  expect(await next.ask('SELECT 1')).toEqual([1]);
  expect(await home.serverPid()).not.toBe(pid);
});

test('who holds a server that is killed gets another by asking again', async () => {
  await using home = await PostgresHome.make();
  await using first = await testPostgres(home.options());
  const folder = await home.server();
  const pid = await home.serverPid();

  process.kill(pid, 'SIGKILL');
  await home.gone(folder, pid);
  await using second = await testPostgres(home.options());

  expect(second.adminUrl).not.toBe(first.adminUrl);
  expect(await rowOf(second.adminUrl, 'SELECT 1')).toEqual([1]);
});

test('a keeper that is killed while it starts a server holds nobody up', async () => {
  await using home = await PostgresHome.make();
  await using waiting = new PostgresProcess(home.options({ source: 'npm' }));
  const keeper = join(home.folder, 'npm-18.4-fast', 'keeper.pid');
  await until('a keeper has begun', () => existsSync(keeper) && statSync(keeper).size > 0);

  await home.killKeeper();

  expect(await waiting.ask('SELECT 1')).toEqual([1]);
});

test('what a crash left is no server: nobody else is killed for it, and nothing is held up', async () => {
  await using home = await PostgresHome.make();
  await using first = await testPostgres(home.options());
  const folder = await home.server();
  const pid = await home.serverPid();
  const state = await readFile(join(folder, 'server.json'), 'utf8');
  await first.release();
  await home.gone(folder, pid);
  const { data } = JSON.parse(state) as { data: string };
  await mkdir(data, { recursive: true });
  await writeFile(join(folder, 'server.json'), state);
  // The number of the server's process is another's by now.
  await writeFile(join(data, 'postmaster.pid'), `${process.pid}\n`);
  await writeFile(join(folder, 'keeper.sock'), '');

  await using second = await testPostgres(home.options());

  expect(await rowOf(second.adminUrl, 'SELECT 1')).toEqual([1]);
});

test('a server that DATABASE_URL names is used, and nothing is started or stopped', async () => {
  await using home = await PostgresHome.make();
  await using other = await PostgresHome.make();
  await using server = await testPostgres(home.options());
  const DATABASE_URL = server.urlOf('template1', { tcp: true });
  await using outside = new PostgresProcess(other.options(), { DATABASE_URL });

  const given = await outside.given;
  const database = await outside.ask('SELECT current_database()');
  await outside.end();

  expect(given).toEqual({
    adminUrl: DATABASE_URL,
    tcpUrl: DATABASE_URL,
    version: server.version,
    source: 'DATABASE_URL',
  });
  expect(database).toEqual(['template1']);
  expect(await other.servers()).toEqual([]);
  expect(await rowOf(server.adminUrl, 'SELECT 1')).toEqual([1]);
});

test('a DATABASE_URL that cannot be used is refused without saying its password', async () => {
  await using home = await PostgresHome.make();
  const nobody = 'postgres://ada:secret@127.0.0.1:1/postgres';

  await expect(testPostgres(home.options({ databaseUrl: nobody }))).rejects.toMatchObject({
    code: 'POSTGRES_NOT_STARTED',
    message: 'the server of DATABASE_URL (127.0.0.1:1) cannot be used: connect ECONNREFUSED 127.0.0.1:1',
  });
  await expect(testPostgres(home.options({ databaseUrl: 'mysql://ada:secret@there/db' }))).rejects.toMatchObject({
    code: 'CONFIG_INVALID',
    message: 'DATABASE_URL must be a URL that begins with postgres://, got one that begins with "mysql:"',
  });
});

test('another source can be forced although DATABASE_URL is set', async () => {
  await using home = await PostgresHome.make();
  await using forced = new PostgresProcess(home.options(), {
    DATABASE_URL: 'postgres://nobody@127.0.0.1:1/postgres',
    ENGINEHOUSE_POSTGRES: 'npm',
  });

  expect(await forced.given).toMatchObject({ source: 'npm' });
});

test('a DATABASE_URL that is asked for and not set is not found', async () => {
  await using home = await PostgresHome.make();
  await using asking = new PostgresProcess(home.options({ source: 'DATABASE_URL' }));

  expect(await asking.given).toMatchObject({
    code: 'POSTGRES_NOT_FOUND',
    details: { lookedFor: ['DATABASE_URL, which is not set'] },
  });
});

test('options that make no sense are refused by their names', async () => {
  const far = join('/tmp', 'x'.repeat(80));

  await expect(testPostgres({ graceMs: -1 })).rejects.toMatchObject({
    code: 'CONFIG_INVALID',
    message: 'graceMs (ENGINEHOUSE_POSTGRES_GRACE_MS) must be a whole number from 0 to 2147483647, got -1',
  });
  await expect(testPostgres({ folder: far, source: 'npm' })).rejects.toMatchObject({
    code: 'CONFIG_INVALID',
    message: `the folder for PostgreSQL servers must be at least 9 bytes shorter, got ${far}`,
  });
});

test('a home that others may write in is refused', async () => {
  await using home = await PostgresHome.make();
  await chmod(home.folder, 0o777);

  await expect(testPostgres(home.options({ source: 'npm' }))).rejects.toMatchObject({
    code: 'POSTGRES_NOT_STARTED',
    details: { step: 'making its folder' },
  });
  expect(await home.servers()).toEqual([]);
});

async function expectToAnswer({ adminUrl, tcpUrl, version }: Awaited<ReturnType<typeof testPostgres>>): Promise<void> {
  for (const url of [adminUrl, tcpUrl]) {
    const [said, data] = await rowOf(url, `SELECT version(), current_setting('data_directory')`);
    expect(said).toMatch(new RegExp(`^PostgreSQL ${version} `));
    // A server refuses a folder that is not its own user's.
    const user = await serverUser();
    expect((await stat(String(data))).uid).toBe(user?.uid ?? process.geteuid?.());
    expect((await stat(String(data))).uid).not.toBe(0);
  }
  const { port } = new URL(tcpUrl);
  await expectRefused(Number(port));
}

/** IPv6's loopback is another address, and nobody listens there. */
function expectRefused(port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '::1', port });
    socket.once('error', () => resolve());
    socket.once('connect', () => reject(new Error(`something listens on [::1]:${port}`)));
  });
}

async function rowOf(connectionString: string, sql: string): Promise<readonly unknown[]> {
  const client = new Client({ connectionString });
  await client.connect();
  try {
    const { rows } = await client.query<unknown[]>({ text: sql, rowMode: 'array' });
    return rows[0] ?? [];
  } finally {
    await client.end();
  }
}
