/**
 * Names that reach past the rows of a user: other sessions, statistics of all
 * rows, places that outlive a transaction, and functions that run text as SQL.
 * PostgreSQL gives them to every login, and only a superuser can take them away
 * (harden.ts); they are refused here, so that it does not depend on it.
 *
 *   M1. The whole text is searched, strings and comments too, so that no trick of
 *       quoting hides a name. A value that holds one goes into a parameter.
 *   M2. The one other spelling of a name, U&"…", is refused as such.
 */

const NAMES = [
  'pg_stat\\w*',
  'pg_(?:cancel|terminate)_backend',
  'pg_locks?(?:_status)?',
  'pg_(?:safe_snapshot_)?blocking_pids',
  'pg_(?:try_)?advisory\\w+',
  'pg_notify',
  'pg_logical\\w*',
  'pg_(?:relation|table|total_relation|indexes|database|tablespace)_size',
  'pg_largeobject\\w*',
  'currtid2?',
  'lo_(?:creat|from_bytea|get|put|import|export|open|close|unlink|lseek|tell|truncate)\\w*',
  'lo(?:read|write)',
  '(?:query|cursor|table|schema|database)_to_xml\\w*',
  'ts_(?:stat|rewrite)',
  // Of extensions: other connections, text that runs as SQL, the locked rows of everybody.
  'dblink\\w*',
  '(?:crosstab|connectby|xpath_table)\\w*',
  'pgrowlocks',
];

const REACHING = new RegExp(`\\b(?:${NAMES.join('|')})\\b`, 'i');
const ESCAPED = /\bu&"/i;
/** Where it names no column of its target, it meets the rows of other users, and fails if there are any. */
const MERGE = /\bmerge\b\s*(?:into\b|--|\/\*)/i;

/** What reaches past the user's rows in the text, or `undefined`. */
export function reachingName(sql: string): string | undefined {
  if (ESCAPED.test(sql)) return 'an identifier with escapes, U&"…"';
  if (MERGE.test(sql)) return 'MERGE';
  const name = REACHING.exec(sql)?.[0].toLowerCase();
  return name === undefined ? undefined : `the name ${name}`;
}
