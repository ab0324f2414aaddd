import { escapeIdentifier } from 'pg';

import type { Ask } from './admin-session.ts';
import { isKept } from './kept-databases.ts';
import { KIT_DATABASES, parseDatabaseName, SESSION_PREFIX } from './test-database-name.ts';

/**
 * Drops the copies of processes that were killed: those that have no session on
 * the server any more, whichever machine they ran on. Kept ones stay.
 */
export async function dropLeftovers(ask: Ask): Promise<void> {
  const databases = await ask<{ name: string; note: string | null }>(
    `SELECT datname AS name, shobj_description(oid, 'pg_database') AS note
       FROM pg_database WHERE datname LIKE $1 AND NOT datistemplate`,
    [KIT_DATABASES],
  );
  // Asked after the databases: a process whose database was seen has had its session for longer.
  const sessions = await ask<{ name: string }>(
    'SELECT DISTINCT application_name AS name FROM pg_stat_activity WHERE starts_with(application_name, $1)',
    [SESSION_PREFIX],
  );
  const alive = new Set(sessions.map(({ name }) => name.slice(SESSION_PREFIX.length + 1)));
  for (const { name, note } of databases) {
    const process = parseDatabaseName(name)?.process;
    if (process === undefined || alive.has(process) || isKept(note)) continue;
    await ask(`DROP DATABASE IF EXISTS ${escapeIdentifier(name)} WITH (FORCE)`);
  }
}
