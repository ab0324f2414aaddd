/**
 * Databases of failed tests, for a person to look into.
 *
 *   D1. A kept database says so of itself, in its comment: no later run drops it as
 *       a leftover, and every process counts the same ones.
 *   D2. At most `MOST_KEPT` are kept on a server; the oldest goes first, and it is said.
 *   D3. A private server that holds one stays for a day after its last user.
 */

import { escapeIdentifier, escapeLiteral } from 'pg';

import { systemClock } from '../../base/clock.ts';
import { isRecord } from '../../base/is-record.ts';
import { isoUtc } from '../../base/utc.ts';
import type { Ask } from './admin-session.ts';
import { KIT_DATABASES } from './test-database-name.ts';

const MOST_KEPT = 5;
const MARK = 'kept for a failed test';

interface KeptNote {
  readonly mark: typeof MARK;
  /** ISO 8601. */
  readonly at: string;
  readonly test: string;
}

export interface KeptDatabase {
  readonly name: string;
  readonly test: string;
}

/** Whether a database's comment says that it is kept. */
export function isKept(comment: string | null): boolean {
  return noteIn(comment) !== undefined;
}

/** Keeps a database, and drops the oldest when there are too many: those that are gone by now. */
export async function keepDatabase(ask: Ask, { name, test }: KeptDatabase): Promise<readonly KeptDatabase[]> {
  const note: KeptNote = { mark: MARK, at: isoUtc(systemClock.now()), test };
  await ask(`COMMENT ON DATABASE ${escapeIdentifier(name)} IS ${escapeLiteral(JSON.stringify(note))}`);
  const surplus = (await keptDatabases(ask)).slice(MOST_KEPT);
  for (const old of surplus) await ask(`DROP DATABASE IF EXISTS ${escapeIdentifier(old.name)} WITH (FORCE)`);
  return surplus;
}

/** Newest first. */
async function keptDatabases(ask: Ask): Promise<readonly (KeptDatabase & KeptNote)[]> {
  const rows = await ask<{ name: string; comment: string | null }>(
    `SELECT datname AS name, shobj_description(oid, 'pg_database') AS comment
       FROM pg_database WHERE datname LIKE $1 AND NOT datistemplate`,
    [KIT_DATABASES],
  );
  const kept = rows.flatMap(({ name, comment }) => {
    const note = noteIn(comment);
    return note === undefined ? [] : [{ name, ...note }];
  });
  return kept.toSorted((left, right) => (left.at < right.at ? 1 : -1));
}

function noteIn(comment: string | null): KeptNote | undefined {
  if (comment === null || !comment.startsWith('{')) return undefined;
  try {
    const note: unknown = JSON.parse(comment);
    if (!isRecord(note) || note['mark'] !== MARK) return undefined;
    return { mark: MARK, at: String(note['at']), test: String(note['test']) };
  } catch {
    return undefined;
  }
}
