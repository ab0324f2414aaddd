/**
 * The template of an application's databases: migrated once on a server, and
 * copied for every test.
 *
 *   M1. One process builds it, however many want it at once: the others wait for
 *       an advisory lock. It belongs to the session, so a killed builder lets go.
 *   M2. It is marked as a template when it is whole. One that is not was left by a
 *       killed builder, and is built anew.
 *   M3. Nobody can connect to it, so nothing keeps it from being copied.
 *   M4. Its roles are those of all its copies, and are named after it.
 */

import { escapeIdentifier, escapeLiteral } from 'pg';

import { systemClock } from '../../base/clock.ts';
import { isoUtc } from '../../base/utc.ts';
import { planMigrations } from '../../store/database/migration-plan.ts';
import { rolesFor } from '../../store/postgres/layout.ts';
import { provision } from '../../store/postgres/provision.ts';
import type { AdminSession, Ask } from './admin-session.ts';
import type { ServerUrls } from './server-urls.ts';
import { templateHash, type TemplatePlan } from './template-hash.ts';
import { templateName } from './test-database-name.ts';

/** Building takes a process so long at most, whoever waits for it. */
const LOCK_TIMEOUT_MS = 120_000;
/** When another one is built, those without copies are dropped that nobody asked for in a week, and the oldest of too many. */
const MOST_TEMPLATES = 16;
const OLD_MS = 7 * 24 * 3_600_000;
/** A template says when it was last asked for, so exactly. */
const RECENT_MS = 3_600_000;

export interface Template {
  readonly name: string;
  /** The statements that make a copy, to be asked one by one. */
  copyAs(database: string): readonly string[];
}

/** The template of a plan on this server, built when it is not there. @throws `MIGRATION_FAILED`, and what `pg` throws */
export async function readyTemplate(admin: AdminSession, urls: ServerUrls, plan: TemplatePlan): Promise<Template> {
  const name = templateName(templateHash(plan));
  await admin.alone(async (ask) => {
    if (await isWhole(ask, name, isoUtc(systemClock.now() - RECENT_MS))) return;
    await ask(`SET lock_timeout = ${LOCK_TIMEOUT_MS}`);
    await ask('SELECT pg_advisory_lock(hashtextextended($1, 0))', [name]);
    try {
      if (await isWhole(ask, name)) await noteUse(ask, name);
      else await build(ask, urls.urlOf(name), { name, plan });
    } finally {
      await ask('SELECT pg_advisory_unlock(hashtextextended($1, 0))', [name]);
    }
  });
  const strategy = await fasterStrategy(admin.ask);
  const rights = await rightsOf(admin.ask, name);
  return {
    name,
    copyAs(database) {
      const copy = escapeIdentifier(database);
      return [
        `CREATE DATABASE ${copy} TEMPLATE ${escapeIdentifier(name)}${strategy}`,
        // A copy has everything of its template but the rights on the database itself.
        [`REVOKE ALL ON DATABASE ${copy} FROM PUBLIC`, ...rights.map((right) => right(copy))].join('; '),
      ];
    },
  };
}

/** Drops a template, whole or not, and its roles where no database is left that knows them. */
export async function dropTemplate(ask: Ask, name: string): Promise<void> {
  const database = escapeIdentifier(name);
  await ask(`ALTER DATABASE ${database} IS_TEMPLATE false`);
  await ask(`DROP DATABASE ${database} WITH (FORCE)`);
  const roles = Object.values(rolesFor(name)).map((role) => escapeIdentifier(role));
  await ask(`DROP ROLE IF EXISTS ${roles.join(', ')}`).catch(() => undefined);
}

interface Build {
  readonly name: string;
  readonly plan: TemplatePlan;
}

async function build(ask: Ask, url: string, { name, plan }: Build): Promise<void> {
  const database = escapeIdentifier(name);
  await ask(`DROP DATABASE IF EXISTS ${database} WITH (FORCE)`);
  await dropOldTemplates(ask);
  await ask(`CREATE DATABASE ${database}`);
  try {
    await provision({ url, rolePrefix: name }, planMigrations(plan.migrations ?? {}, 'postgres'));
  } catch (error) {
    await dropTemplate(ask, name).catch(() => undefined);
    throw error;
  }
  await noteUse(ask, name);
  await ask(`ALTER DATABASE ${database} WITH ALLOW_CONNECTIONS false IS_TEMPLATE true`);
}

/** In its comment, by the holder of its lock. */
async function noteUse(ask: Ask, name: string): Promise<void> {
  await ask(`COMMENT ON DATABASE ${escapeIdentifier(name)} IS ${escapeLiteral(isoUtc(systemClock.now()))}`);
}

async function isWhole(ask: Ask, name: string, usedSince = ''): Promise<boolean> {
  const found = await ask(
    `SELECT FROM pg_database
      WHERE datname = $1 AND datistemplate AND coalesce(shobj_description(oid, 'pg_database'), '') >= $2`,
    [name, usedSince],
  );
  return found.length > 0;
}

/** Those of earlier migrations, which nobody will ask for again. */
async function dropOldTemplates(ask: Ask): Promise<void> {
  const unused = await ask<{ name: string; usedAt: string }>(
    `SELECT datname AS name, coalesce(shobj_description(oid, 'pg_database'), '') AS "usedAt" FROM pg_database d
      WHERE datistemplate AND datname ~ '^enginehouse_test_[0-9a-f]{12}$'
        AND NOT EXISTS (SELECT FROM pg_database c WHERE starts_with(c.datname, d.datname || '_'))
      ORDER BY 2 DESC`,
  );
  const oldest = isoUtc(systemClock.now() - OLD_MS);
  for (const [place, { name, usedAt }] of unused.entries()) {
    if (place >= MOST_TEMPLATES || usedAt < oldest) await dropTemplate(ask, name).catch(() => undefined);
  }
}

/** Copying the files waits for the disk twice, where the server waits for disks; else it is the faster one. */
async function fasterStrategy(ask: Ask): Promise<string> {
  const [row] = await ask<{ fsync: string }>('SHOW fsync');
  return row?.fsync === 'off' ? ' STRATEGY FILE_COPY' : '';
}

/** What the migrations granted on the database, for a copy. */
async function rightsOf(ask: Ask, name: string): Promise<readonly ((copy: string) => string)[]> {
  const rows = await ask<{ privilege: string; grantee: string }>(
    `SELECT a.privilege_type AS privilege, coalesce(quote_ident(r.rolname), 'PUBLIC') AS grantee
       FROM pg_database d CROSS JOIN aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) a
       LEFT JOIN pg_roles r ON r.oid = a.grantee
      WHERE d.datname = $1 AND a.grantee <> d.datdba`,
    [name],
  );
  return rows.map(
    ({ privilege, grantee }) =>
      (copy) =>
        `GRANT ${privilege} ON DATABASE ${copy} TO ${grantee}`,
  );
}
