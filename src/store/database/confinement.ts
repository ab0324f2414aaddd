/**
 * What SQL may do in a user's database. SQLite asks this for each action of a
 * statement while it compiles it, also of those that a view, a trigger or a
 * table-valued function brings along.
 *
 *   N1. An action that is not named here is refused: a new SQLite brings no new
 *       ones. Functions are the exception; those that reach outside are named.
 *   N2. No statement reaches another file, ends the transaction it runs in,
 *       changes how the database works, or loads code.
 *   N3. Tables are changed by migrations only; the record of migrations by none.
 *   N4. A read-only transaction changes nothing.
 */

import { constants } from 'node:sqlite';

import type { Mode } from './worker-protocol.ts';

/** Where the migrations that have run are noted, in each user's database. */
export const RECORD_TABLE = 'enginehouse_migrations';

/** One action, as SQLite names it: a code, and two words whose meaning depends on it. */
export interface Action {
  readonly code: number;
  readonly first: string | null;
  readonly second: string | null;
}

const READING = new Set([constants.SQLITE_SELECT, constants.SQLITE_READ, constants.SQLITE_RECURSIVE]);

export const WRITING: ReadonlySet<number> = new Set([
  constants.SQLITE_INSERT,
  constants.SQLITE_UPDATE,
  constants.SQLITE_DELETE,
]);

// Temporary tables are not among them: they would outlive their transaction in one of many workers.
const DEFINING = new Set([
  constants.SQLITE_CREATE_TABLE,
  constants.SQLITE_CREATE_INDEX,
  constants.SQLITE_CREATE_VIEW,
  constants.SQLITE_CREATE_TRIGGER,
  constants.SQLITE_DROP_TABLE,
  constants.SQLITE_DROP_INDEX,
  constants.SQLITE_DROP_VIEW,
  constants.SQLITE_DROP_TRIGGER,
  constants.SQLITE_ALTER_TABLE,
]);

const TUNING = new Set([constants.SQLITE_REINDEX, constants.SQLITE_ANALYZE]);

const VIRTUAL = new Set([constants.SQLITE_CREATE_VTABLE, constants.SQLITE_DROP_VTABLE]);

const VIRTUAL_MODULES = new Set(['fts5', 'fts5vocab', 'rtree', 'rtree_i32', 'geopoly']);

// Those that only tell the shape of the own tables; `data_version` is what full-text search asks of itself.
const PRAGMAS = new Set([
  'table_info',
  'table_xinfo',
  'table_list',
  'index_list',
  'index_info',
  'index_xinfo',
  'foreign_key_list',
  'data_version',
]);

// Code and files from outside, pointers made of text, the process's own error log. Some are only in some builds.
const FUNCTIONS = new Set(['load_extension', 'fts3_tokenizer', 'sqlite_log', 'readfile', 'writefile', 'edit']);

/** What is refused, in words, or `undefined` when the action is allowed. */
export function refusal(mode: Mode, action: Action): string | undefined {
  return allowed(mode, action) ? undefined : describe(action);
}

function allowed(mode: Mode, { code, first, second }: Action): boolean {
  if (code === constants.SQLITE_FUNCTION) return !FUNCTIONS.has(lower(second));
  if (code === constants.SQLITE_PRAGMA) return PRAGMAS.has(lower(first));
  if (TUNING.has(code)) return mode === 'migrate';
  if (lower(first) === RECORD_TABLE || lower(second) === RECORD_TABLE) return false;
  if (READING.has(code)) return true;
  if (mode === 'read') return false;
  if (WRITING.has(code)) return mode === 'migrate' || !lower(first).startsWith('sqlite_');
  if (mode === 'write') return false;
  return DEFINING.has(code) || (VIRTUAL.has(code) && VIRTUAL_MODULES.has(lower(second)));
}

function lower(word: string | null): string {
  return (word ?? '').toLowerCase();
}

const NAMES = new Map(
  Object.entries(constants)
    .filter(([name]) => !/^SQLITE_(OK|DENY|IGNORE|CHANGESET_\w+)$/.test(name))
    .map(([name, code]) => [code, name.replace('SQLITE_', '').replaceAll('_', ' ')]),
);

function describe({ code, first, second }: Action): string {
  if (code === constants.SQLITE_TRANSACTION) return first ?? 'TRANSACTION';
  if (code === constants.SQLITE_SAVEPOINT) return 'SAVEPOINT';
  if (code === constants.SQLITE_FUNCTION) return `the function ${lower(second)}`;
  const words = [NAMES.get(code) ?? `action ${code}`, ...(code === constants.SQLITE_ALTER_TABLE ? [second] : [first])];
  return words
    .filter((word) => word !== null && word !== '')
    .join(' ')
    .slice(0, 200);
}
