import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { expect, test } from 'vitest';

import { withoutCluster, wantsPostgres } from '../../scripts/install-postgres.mjs';
import { testPostgres } from '../../src/testing/postgres/test-postgres.ts';
import { PostgresHome } from '../support/postgres-home.ts';

const SCRIPT = join(import.meta.dirname, '../../scripts/postgres.mjs');
const run = promisify(execFile);

test('a server is started, found and stopped by hand', async () => {
  await using home = await PostgresHome.make();
  const command = (name: string): Promise<string> => printed(home, name);

  const before = await command('status');
  const started = await command('start');
  const url = await command('url');
  const again = await command('start');
  const status = await command('status');
  const stopped = await command('stop');
  const after = await command('stop');

  const [what, adminUrl] = started.split('\n');
  expect(before).toBe('no private server runs\n');
  expect(what).toMatch(/^PostgreSQL \d+\.\d+ \(npm\)$/);
  expect(url).toBe(`${adminUrl}\n`);
  expect(again).toBe(started);
  expect(status).toMatch(/^npm-[\d.]+-fast runs in /);
  expect(stopped).toMatch(/^npm-[\d.]+-fast is stopped\n$/);
  expect(after).toBe('no private server runs\n');
  expect(await home.servers()).toEqual([]);
});

test('a server that is in use is stopped when it no longer is, or at once when that is asked for', async () => {
  await using home = await PostgresHome.make();
  await using postgres = await testPostgres(home.options({ source: 'npm', graceMs: 60_000 }));
  const folder = await home.server();
  const pid = await home.serverPid();

  const stopped = await printed(home, 'stop');
  const status = await printed(home, 'status');
  await postgres.release();
  await home.gone(folder, pid);
  await using another = await testPostgres(home.options({ source: 'npm' }));
  const stoppedNow = await printed(home, 'stop', '--now');

  expect(stopped).toMatch(/^npm-[\d.]+-fast is in use, and ends with the last of 1 that hold it\n$/);
  expect(status).toMatch(/^npm-[\d.]+-fast runs in /);
  expect(another.adminUrl).not.toBe(postgres.adminUrl);
  expect(stoppedNow).toMatch(/^npm-[\d.]+-fast is stopped\n$/);
  expect(await home.servers()).toEqual([]);
});

test('the URL of no server, and a command that is not one, fail and say what to do', async () => {
  await using home = await PostgresHome.make();

  await expect(printed(home, 'url')).rejects.toMatchObject({
    code: 1,
    stderr: 'postgres: no server runs; start one: npm run postgres -- start\n',
  });
  await expect(printed(home, 'begin')).rejects.toMatchObject({
    code: 2,
    stderr: 'usage: npm run postgres -- start|status|url|stop|install [--install] [--now]\n',
  });
});

test('a package is installed unasked only by root on Debian in CI, where none is installed and no server is named', () => {
  const there = { root: true, debian: true, installed: false };

  expect(wantsPostgres({ CI: 'true' }, there)).toBe(true);
  expect(wantsPostgres({}, there)).toBe(false);
  expect(wantsPostgres({ CI: 'false' }, there)).toBe(false);
  expect(wantsPostgres({ CI: 'true', DATABASE_URL: 'postgres://there/db' }, there)).toBe(false);
  for (const but of [{ root: false }, { debian: false }, { installed: true }]) {
    expect(wantsPostgres({ CI: 'true' }, { ...there, ...but })).toBe(false);
  }
});

test('an installation makes no server of its own', () => {
  const line = 'create_main_cluster = false';

  expect(withoutCluster('# comment\n#create_main_cluster = true\nport = 1\n')).toBe(`# comment\n${line}\nport = 1\n`);
  expect(withoutCluster('create_main_cluster = true\n')).toBe(`${line}\n`);
  expect(withoutCluster('port = 1\n')).toBe(`port = 1\n${line}\n`);
});

async function printed(home: PostgresHome, ...command: readonly string[]): Promise<string> {
  const { PATH = '' } = process.env;
  const env = { PATH, ENGINEHOUSE_POSTGRES: 'npm', ENGINEHOUSE_POSTGRES_FOLDER: home.folder };
  const args = ['--disable-warning=ExperimentalWarning', SCRIPT, ...command];
  return (await run(process.execPath, args, { env, timeout: 25_000 })).stdout;
}
