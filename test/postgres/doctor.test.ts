/** What `enginehouse doctor` says of a PostgreSQL database: each fault is a real one, made on a real server. */

import { createServer, type AddressInfo } from 'node:net';
import { once } from 'node:events';

import { expect, test } from 'vitest';

import type { Finding } from '../../src/cli/doctor/finding.ts';
import { startServer } from '../support/command.ts';
import { PgBouncer } from '../support/pgbouncer.ts';
import { MIGRATIONS, PostgresApplication } from '../support/postgres-application.ts';
import { testWithPgBouncer } from '../support/requirements.ts';

const SECRET = 'a secret of at least thirty-two characters';
const OTHER_SECRET = 'another secret of more than thirty-two characters';

const ALL =
  'connection, server, clock, pooler, schema, rights, logins, migrations, roles, row security, hardening, lock, store, settings, capacity, disk';

/** All that are not in order. */
function faults(findings: readonly Finding[]): readonly Finding[] {
  return findings.filter(({ status }) => status !== 'ok');
}

function named(findings: readonly Finding[], name: string): Finding | undefined {
  return findings.find((found) => found.name === name);
}

/** Runs the SQL of every finding, as an operator would: statement by statement, as the superuser. */
async function cure(app: PostgresApplication, findings: readonly Finding[]): Promise<void> {
  for (const { sql } of findings) await app.sql(...(sql ?? '').split(/;\s*/).filter((part) => part !== ''));
}

test('a database that is empty is in order, and stays empty', async () => {
  await using app = await PostgresApplication.open();

  const findings = await app.findings();

  expect(faults(findings)).toEqual([]);
  expect(named(findings, 'schema')?.says).toBe('none yet, the first start makes it');
  expect(await app.sql("SELECT FROM pg_namespace WHERE nspname LIKE 'enginehouse%'")).toEqual([]);
  expect(await app.sql(`SELECT FROM pg_roles WHERE starts_with(rolname, '${app.name}')`)).toEqual([]);
});

test('a database that was migrated is in order in every way', async () => {
  await using app = await PostgresApplication.open();
  await app.migrate();

  const findings = await app.findings();

  expect(faults(findings)).toEqual([]);
  expect(findings.map(({ name }) => name).join(', ')).toBe(ALL);
});

test('who passes by row-level security, and a table without it, are found with the SQL that cures them', async () => {
  await using app = await PostgresApplication.open();
  await app.migrate();
  const { system, agent, owner } = app.roles;
  await app.sql(
    `ALTER ROLE ${system} BYPASSRLS`,
    `GRANT ${owner} TO ${agent}`,
    'ALTER TABLE enginehouse.events DISABLE ROW LEVEL SECURITY',
    'ALTER TABLE enginehouse_data.words NO FORCE ROW LEVEL SECURITY',
    `CREATE POLICY everybody ON enginehouse.runs TO ${system} USING (true)`,
    `ALTER TABLE enginehouse.pieces OWNER TO ${agent}`,
  );

  const found = faults(await app.findings());
  await cure(app, found);

  expect(found.map(({ status, name, says }) => `${status} ${name}: ${says}`)).toEqual([
    `fail roles: ${agent} can become ${owner}`,
    `fail roles: ${system} sees the rows of every user`,
    'fail row security: it is off, or not forced, on enginehouse.events',
    `fail row security: enginehouse.pieces belongs to ${agent}, who may switch it off`,
    'fail row security: the policy everybody of enginehouse.runs does not ask whose the row is',
    'fail row security: it is off, or not forced, on enginehouse_data.words',
  ]);
  expect(faults(await app.findings())).toEqual([]);
});

test('what is open beside the rows is a warning, and its SQL closes it', async () => {
  await using app = await PostgresApplication.open();
  const migrator = await app.login('migrator', 'CREATEROLE');
  await app.sql(`ALTER DATABASE ${app.name} OWNER TO ${migrator.role}`);
  await app.migrate({ DATABASE_URL: migrator.url });

  const found = faults(await app.findings({ DATABASE_URL: migrator.url }));
  await cure(app, found);

  expect(new Set(found.map(({ status, name }) => `${status} ${name}`))).toEqual(new Set(['warn hardening']));
  expect(faults(await app.findings({ DATABASE_URL: migrator.url }))).toEqual([]);
});

test('a role that may not migrate is told what it lacks, and may with exactly that', async () => {
  await using app = await PostgresApplication.open();
  const plain = await app.login('plain');
  const as = { DATABASE_URL: plain.url };

  const before = await app.findings(as);
  await cure(app, faults(before));
  await app.migrate(as);

  expect(faults(before)).toEqual([
    expect.objectContaining({
      status: 'warn',
      name: 'rights',
      sql: `ALTER ROLE "${plain.role}" CREATEROLE; ALTER DATABASE "${app.name}" OWNER TO "${plain.role}";`,
    }),
  ]);
  expect(faults(await app.findings(as)).filter(({ status }) => status === 'fail')).toEqual([]);
});

test('a role that is not of the owner may neither look nor migrate until it is', async () => {
  await using app = await PostgresApplication.open();
  await app.migrate();
  const other = await app.login('other', 'CREATEROLE');
  const as = { DATABASE_URL: other.url };

  const before = faults(await app.findings(as));
  await cure(app, before);

  expect(before.map(({ status, name }) => `${status} ${name}`)).toEqual(['fail schema', 'fail rights']);
  expect(faults(await app.findings(as)).filter(({ status }) => status === 'fail')).toEqual([]);
  expect(await app.migrate(as)).toMatchObject({ roles: app.roles });
});

test('on the newest PostgreSQL a role needs the right over our logins too, and gets it from the SQL', async () => {
  await using app = await PostgresApplication.open({ source: 'npm' });
  await app.migrate();
  const other = await app.login('other', 'CREATEROLE');
  const as = { DATABASE_URL: other.url };

  const before = await app.findings(as);
  await cure(app, faults(before));

  expect(named(before, 'server')).toMatchObject({
    status: 'ok',
    says: expect.stringMatching(/^PostgreSQL 1[89]/) as string,
  });
  expect(named(before, 'rights')?.sql).toMatch(
    `GRANT "${app.roles.system}", "${app.roles.agent}" TO "${other.role}" WITH ADMIN OPTION;`,
  );
  expect(await app.migrate(as)).toMatchObject({ roles: app.roles });
  expect(faults(await app.findings(as)).filter(({ status }) => status === 'fail')).toEqual([]);
});

test('with a secret, a database that waits for its migration and one of another secret fail, with the command that helps', async () => {
  await using app = await PostgresApplication.open();
  const secret = { ENGINEHOUSE_DATABASE_SECRET: SECRET };

  const empty = faults(await app.findings(secret));
  await app.migrate(secret);
  const ready = await app.findings(secret);
  const other = faults(await app.findings({ ENGINEHOUSE_DATABASE_SECRET: OTHER_SECRET }));
  const none = faults(await app.findings());

  for (const findings of [empty, other]) {
    expect(findings).toEqual([expect.objectContaining({ status: 'fail', name: 'schema' })]);
    expect(findings[0]?.cure).toMatch(/enginehouse database migrate/);
  }
  expect(faults(ready)).toEqual([]);
  expect(named(ready, 'rights')?.says).toMatch(`comes as ${app.roles.system}`);
  expect(none).toEqual([expect.objectContaining({ status: 'fail', name: 'schema' })]);
  expect(none[0]?.says).toMatch('ENGINEHOUSE_DATABASE_SECRET');
});

test('with a secret, application migrations that have not run keep the server from starting', async () => {
  await using app = await PostgresApplication.open();
  const secret = { ENGINEHOUSE_DATABASE_SECRET: SECRET };
  await app.migrate(secret);

  const found = faults(await app.findings(secret, { ...MIGRATIONS, '002_more': 'SELECT 1' }));

  expect(found).toMatchObject([
    { status: 'fail', name: 'migrations', says: '002_more of the application has not run' },
  ]);
});

test('roles that cannot log in, as after a restore, are told apart from a password that is wrong', async () => {
  await using app = await PostgresApplication.open();
  await app.migrate();
  await app.sql(`ALTER ROLE ${app.roles.system} PASSWORD 'another'`, `ALTER ROLE ${app.roles.agent} NOLOGIN`);

  const broken = named(await app.findings(), 'logins');
  await app.migrate();

  expect(broken).toMatchObject({ status: 'fail', cure: expect.stringMatching('database migrate') as string });
  expect(broken?.says).toMatch(/_system is refused: password .+_agent is refused: role .+ is not permitted to log in/);
  expect(faults(await app.findings())).toEqual([]);
});

test('settings that lose what was committed fail, for whichever login they are', async () => {
  await using app = await PostgresApplication.open();
  await app.migrate();
  await app.sql(
    `ALTER DATABASE ${app.name} SET synchronous_commit = off`,
    `ALTER ROLE ${app.roles.agent} SET idle_session_timeout = '5s'`,
  );

  const found = faults(await app.findings());
  await cure(app, found);

  expect(found).toMatchObject([
    { status: 'fail', name: 'settings', says: expect.stringMatching(/^synchronous_commit is off: /) as string },
    { status: 'warn', name: 'settings', says: expect.stringMatching(/^idle_session_timeout is 5000: /) as string },
  ]);
  expect(faults(await app.findings())).toEqual([]);
});

test('a server that does not wait for its disk fails', async () => {
  await using app = await PostgresApplication.open({ durable: false });

  const found = faults(await app.findings());

  // Where DATABASE_URL names a server, it is the one of that URL, and may well be in order.
  if (app.server.source === 'DATABASE_URL') return;
  expect(found.map(({ status, says }) => `${status} ${says.split(':')[0]}`)).toEqual([
    'fail fsync is off',
    'fail full_page_writes is off',
    'fail synchronous_commit is off',
  ]);
});

test('too few connections are a failure before they are one at night', async () => {
  await using app = await PostgresApplication.open();
  await app.sql(`ALTER DATABASE ${app.name} CONNECTION LIMIT 5`);
  const plain = await app.login('plain');

  const found = named(await app.findings({ DATABASE_URL: plain.url }), 'capacity');

  expect(found).toMatchObject({ status: 'fail', says: expect.stringMatching(/up to 9 .+ has 5,/) as string });
});

test('two databases with the same roles are told that they share a secret', async () => {
  await using app = await PostgresApplication.open();
  await using other = await PostgresApplication.open();
  await app.migrate();
  await other.migrate({
    ENGINEHOUSE_DATABASE_ROLES: app.name,
    ENGINEHOUSE_DATABASE_SECRET: SECRET,
  });

  const found = faults(await app.findings());
  await other.sql(`DROP SCHEMA enginehouse, enginehouse_data CASCADE`);

  expect(found).toContainEqual(
    expect.objectContaining({
      status: 'warn',
      name: 'roles',
      says: `${app.roles.owner} owns tables in ${other.name} too`,
    }),
  );
  expect(named(found, 'logins')?.status).toBe('fail');
});

test('a runtime that holds the database is named, and doctor does not get in its way', async () => {
  await using app = await PostgresApplication.open();
  await using server = startServer(app.at());
  await server.ready();

  const found = faults(await app.findings());

  expect(found).toMatchObject([{ status: 'warn', name: 'lock' }]);
  expect(found[0]?.says).toMatch(/^enginehouse \S+ \d+@\S+ \(server process \d+\) holds the database/);
});

test('a password that is wrong, a database that is not there and a server that is not there each have their cure', async () => {
  await using app = await PostgresApplication.open();
  const wrong = new URL(app.url);
  wrong.password = 'wrong';
  const absent = new URL(app.url);
  absent.pathname = '/absent';
  const nowhere = createServer().listen(0, '127.0.0.1');
  await once(nowhere, 'listening');
  const { port } = nowhere.address() as AddressInfo;
  nowhere.close();
  await once(nowhere, 'close');

  const found = await Promise.all(
    [wrong.href, absent.href, `postgres://ada:secret@127.0.0.1:${port}/app`].map(async (DATABASE_URL) =>
      faults(await app.findings({ DATABASE_URL })),
    ),
  );

  const connection = { status: 'fail', name: 'connection' };
  expect(found).toMatchObject([[connection], [connection], [connection]]);
  expect(found.map(([first]) => first?.says.replace(/^\S+ /, ''))).toEqual([
    expect.stringMatching(/^lets nobody in: password .+ \(28P01\)$/),
    expect.stringMatching(/^lets nobody in: .+ does not exist \(3D000\)$/),
    expect.stringMatching(/^cannot be reached: .*ECONNREFUSED/),
  ]);
  expect(JSON.stringify(found)).not.toMatch(/wrong@|:secret/);
});

testWithPgBouncer(
  'a pooler before the server is found, and is in order where statements have no names',
  async (program) => {
    await using app = await PostgresApplication.open();
    await using pooler = await PgBouncer.start(program, app.server.tcpUrl);
    const pooled = { DATABASE_URL: pooler.urlOf(app.url) };
    await app.migrate(pooled);

    const withNames = faults(await app.findings(pooled));
    const withoutNames = faults(await app.findings({ ...pooled, ENGINEHOUSE_DATABASE_PREPARE: 'off' }));

    expect(withNames).toContainEqual(expect.objectContaining({ status: 'warn', name: 'pooler' }));
    expect(withoutNames).toEqual([]);
  },
);

test('the command says it to people and programs, and fails when something does', async () => {
  await using app = await PostgresApplication.open();
  const plain = await app.login('plain');
  const as = { DATABASE_URL: plain.url };

  const told = await app.command(['doctor'], as);
  await app.migrate();
  const { exitCode, stdout } = await app.command(['doctor', '--json'], as);

  const found = stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Finding);
  expect(told.exitCode).toBe(0);
  expect(told.stdout).toMatch(
    /^warn {2}rights +\S+_plain may not migrate\n +cure: Run as a superuser, .+: ALTER ROLE /m,
  );
  expect(exitCode).toBe(1);
  expect(named(found, 'rights')).toMatchObject({
    status: 'fail',
    sql: expect.stringMatching(/^ALTER ROLE /) as string,
  });
});
