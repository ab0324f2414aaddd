/** What is said of facts that no server here can have: of the other findings, test/postgres/doctor.test.ts makes the facts. */

import { expect, test } from 'vitest';

import { ofCapacity } from './check-capacity.ts';
import { notConnected, ofWay, placeOf } from './check-connection.ts';
import { ofClock, ofPooler, ofVersion } from './check-server.ts';
import { ofSetting, type Setting } from './check-settings.ts';

const setting = (name: string, value: string, source = 'configuration file'): Setting => ({
  name,
  value,
  source,
  login: 'app_agent',
  database: 'app',
});

test.each([
  [150_000, 'ok'],
  [180_004, 'ok'],
  [149_999, 'fail'],
  [90_624, 'fail'],
])('a server of version %d is %s', (number, status) => {
  expect(ofVersion(number, 'x')).toMatchObject({ status });
});

test.each([
  [0, 'ok'],
  [-60_000, 'ok'],
  [60_001, 'warn'],
  [-240_000, 'warn'],
  [240_001, 'fail'],
  [-7_200_000, 'fail'],
])('a clock that differs by %d ms is %s', (ms, status) => {
  expect(ofClock(ms)).toMatchObject({ status });
});

test('a difference of clocks says which of them is ahead', () => {
  expect(ofClock(90_000).says).toBe('the server is 90 s ahead of this machine');
  expect(ofClock(-90_000).says).toBe('the server is 90 s behind this machine');
});

test.each([
  [{ address: undefined, tls: undefined, verified: false }, 'ok', /over a Unix socket$/],
  [{ address: '127.0.0.1', tls: undefined, verified: false }, 'ok', /on this machine$/],
  [{ address: '::1', tls: undefined, verified: false }, 'ok', /on this machine$/],
  [{ address: '192.0.2.1', tls: undefined, verified: false }, 'warn', /without TLS/],
  [{ address: '192.0.2.1', tls: 'TLSv1.3', verified: false }, 'warn', /TLSv1\.3, but nobody checked/],
  [{ address: '192.0.2.1', tls: 'TLSv1.3', verified: true }, 'ok', /over TLSv1\.3$/],
])('a connection by way of %j is %s', (way, status, says) => {
  expect(ofWay(way, 'here')).toMatchObject({ status, says: expect.stringMatching(says) as string });
});

test('a pooler is a matter of whether statements are prepared by name', () => {
  expect(ofPooler(true, true).status).toBe('ok');
  expect(ofPooler(false, false).status).toBe('ok');
  expect(ofPooler(false, true)).toMatchObject({
    status: 'warn',
    cure: expect.stringMatching('ENGINEHOUSE_DATABASE_PREPARE=off') as string,
  });
});

test.each([
  [{ most: 97, taken: 10 }, 'ok'],
  [{ most: 97, taken: undefined }, 'ok'],
  [{ most: 97, taken: 89 }, 'warn'],
  [{ most: 8, taken: 0 }, 'fail'],
])('room of %j for nine connections is %s', (capacity, status) => {
  expect(ofCapacity(capacity, 9)).toMatchObject({ status });
});

test.each([
  ['configuration file', 'ALTER SYSTEM SET synchronous_commit = on; SELECT pg_reload_conf();'],
  ['user', 'ALTER ROLE "app_agent" RESET synchronous_commit;'],
  ['database', 'ALTER DATABASE "app" RESET synchronous_commit;'],
  ['database user', 'ALTER ROLE "app_agent" IN DATABASE "app" RESET synchronous_commit;'],
])('what was switched off in the %s is switched on there', (source, sql) => {
  expect(ofSetting(setting('synchronous_commit', 'off', source))).toMatchObject([{ status: 'fail', sql }]);
});

test.each([
  ['fsync', 'off', ['fail']],
  ['full_page_writes', 'off', ['fail']],
  ['autovacuum', 'off', ['warn']],
  ['track_counts', 'off', ['warn']],
  ['fsync', 'on', []],
  ['synchronous_commit', 'remote_write', []],
  ['default_transaction_read_only', 'on', ['fail']],
  ['default_transaction_isolation', 'serializable', ['warn']],
  ['default_transaction_isolation', 'read committed', []],
  ['idle_session_timeout', '0', []],
  ['idle_session_timeout', '20000', []],
  ['idle_session_timeout', '19999', ['warn']],
  ['statement_timeout', '1', []],
])('%s = %s is %j', (name, value, statuses) => {
  expect(ofSetting(setting(name, value)).map(({ status }) => status)).toEqual(statuses);
});

test.each([
  ['The server does not support SSL connections', 'Switch on ssl'],
  ['self-signed certificate', 'Name the authority'],
  ['SASL: SCRAM-SERVER-FIRST-MESSAGE: client password must be a string', 'Give DATABASE_URL the password'],
  ['connect ETIMEDOUT 192.0.2.1:5432', 'Start the server'],
])('nobody gets in because of "%s": %s', (reason, cure) => {
  expect(notConnected('postgres://ada:secret@192.0.2.1/app', new Error(reason))).toMatchObject({
    status: 'fail',
    says: expect.not.stringMatching('secret') as string,
    cure: expect.stringMatching(cure) as string,
  });
});

test.each([
  ['postgres://ada@db.example.com:6432/app', 'db.example.com:6432'],
  ['postgres://ada@db.example.com/app', 'db.example.com:5432'],
  ['postgres:///app?host=/var/run/postgresql', '/var/run/postgresql:5432'],
  ['postgres:///app', 'localhost:5432'],
])('%s is a place without secrets', (url, place) => {
  expect(placeOf(url)).toBe(place);
});
