import { Client, escapeIdentifier } from 'pg';
import { expect, test } from 'vitest';

import { plainRole } from '../../../test/support/plain-role.ts';
import { asAdmin, freshDatabase } from '../../../test/support/postgres-database.ts';
import { hardeningOf, type HardeningFinding } from './harden.ts';
import type { Roles } from './layout.ts';
import { provision } from './provision.ts';

const FOR_A_SUPERUSER = [
  'text of running statements',
  'size of temporary files',
  'ending the statements of others',
  'statistics of tables and sessions',
  'sizes in the catalog',
  'advisory locks',
  'large objects',
];

async function findings(url: string, roles: Roles): Promise<readonly HardeningFinding[]> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return await hardeningOf(client, roles);
  } finally {
    await client.end();
  }
}

async function open(url: string, roles: Roles): Promise<readonly string[]> {
  return (await findings(url, roles)).map(({ name }) => name);
}

test('a superuser closes everything in a database that is ours alone', async () => {
  await using fresh = await freshDatabase();
  const { roles } = await provision({ url: fresh.url }, []);

  expect(await open(fresh.url, roles)).toEqual([]);
});

test('the plain owner of a database provisions it, twice, and what it may not close is named', async () => {
  await using plain = await plainRole();
  await using fresh = await freshDatabase();
  const url = await plain.take(fresh);

  const { roles } = await provision({ url }, []);
  await provision({ url }, [], 'always');

  expect(await open(url, roles)).toEqual(FOR_A_SUPERUSER);
});

test('the SQL of each finding closes it, and the plain owner goes on migrating', async () => {
  await using plain = await plainRole();
  await using fresh = await freshDatabase();
  const url = await plain.take(fresh);
  const { roles } = await provision({ url }, []);

  for (const { name, sql } of await findings(url, roles)) {
    await asAdmin(fresh.url, sql);
    expect(await open(url, roles)).not.toContain(name);
  }

  await provision({ url }, [], 'always');
  expect(await open(url, roles)).toEqual([]);
});

test('in a database that others use, only our own roles are changed', async () => {
  await using fresh = await freshDatabase();
  await asAdmin(fresh.url, 'CREATE TABLE public.theirs (a text)');
  const { roles } = await provision({ url: fresh.url }, []);

  const names = await open(fresh.url, roles);

  expect(names).toEqual(['temporary tables', ...FOR_A_SUPERUSER.slice(2)]);
  const [right] = await asAdmin(
    fresh.url,
    "SELECT has_function_privilege('public', 'pg_cancel_backend(integer)', 'EXECUTE') AS kept",
  );
  expect(right).toEqual({ kept: true });
});

test('what an extension brings is not taken for somebody else', async () => {
  await using fresh = await freshDatabase();
  for (const name of ['pg_stat_statements', 'pgrowlocks', 'dblink'])
    await asAdmin(fresh.url, `CREATE EXTENSION ${name}`);
  const { roles } = await provision({ url: fresh.url }, []);

  expect(await open(fresh.url, roles)).toEqual([]);
});

test('what somebody opens later is named, and the next migration closes what is of our roles', async () => {
  await using fresh = await freshDatabase();
  const { roles } = await provision({ url: fresh.url }, []);
  const agent = escapeIdentifier(roles.agent);
  await asAdmin(
    fresh.url,
    `ALTER ROLE ${agent} BYPASSRLS`,
    `GRANT ${escapeIdentifier(roles.owner)} TO ${agent}`,
    `ALTER ROLE ${agent} RESET track_activities`,
    'GRANT CREATE ON SCHEMA public TO PUBLIC',
  );

  expect(await open(fresh.url, roles)).toEqual([
    'rights of our roles',
    'memberships of our logins',
    'text of running statements',
    'schemas that everybody may fill',
  ]);
  await provision({ url: fresh.url }, [], 'always');
  expect(await open(fresh.url, roles)).toEqual(['schemas that everybody may fill']);
});
