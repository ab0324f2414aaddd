import { escapeIdentifier } from 'pg';

import type { DatabaseSession } from './database-session.ts';
import { curedBySql, finding, type Finding } from './finding.ts';

const NAME = 'settings';

/** A setting as one login meets it. */
export interface Setting {
  readonly name: string;
  /** In the setting's own unit, which is milliseconds for a time. */
  readonly value: string;
  /** Where it was set, as `pg_settings` says it. */
  readonly source: string;
  readonly login: string;
  readonly database: string;
}

interface Expectation {
  readonly status: 'warn' | 'fail';
  readonly isWrong: (value: string) => boolean;
  /** What comes of it. */
  readonly so: string;
  /** What it should be, as SQL. */
  readonly wanted: string;
}

/** The pool closes a connection that was idle for 10 s; a server that does so first may meet one that is just being used. */
const LEAST_IDLE_MS = 20_000;

// Limits on statements and transactions are not here: each transaction sets its own.
const EXPECTATIONS: Readonly<Record<string, Expectation>> = {
  fsync: never('off', 'fail', 'a power cut can destroy the whole database'),
  full_page_writes: never('off', 'fail', 'a power cut can leave pages that are half old'),
  synchronous_commit: never('off', 'fail', 'events that clients saw are lost when the server dies'),
  default_transaction_read_only: never('on', 'fail', 'nothing can be written; some hosts set it when the disk is full'),
  autovacuum: never('off', 'warn', 'each append leaves an old row behind, and the tables grow without end'),
  track_counts: never('off', 'warn', 'autovacuum does not know where to work'),
  default_transaction_isolation: {
    status: 'warn',
    isWrong: (value) => value !== 'read committed',
    so: 'appends that meet fail and are tried again',
    wanted: "'read committed'",
  },
  idle_session_timeout: {
    status: 'warn',
    isWrong: (value) => Number(value) > 0 && Number(value) < LEAST_IDLE_MS,
    so: `connections are closed before they were idle for ${LEAST_IDLE_MS} ms, perhaps as they are used again`,
    wanted: '0',
  },
};

function never(value: 'on' | 'off', status: Expectation['status'], so: string): Expectation {
  return { status, isWrong: (is) => is === value, so, wanted: value === 'off' ? 'on' : 'off' };
}

const QUERY = `
  SELECT name, setting AS value, source, current_user AS login, current_database() AS database
    FROM pg_settings WHERE name = ANY ($1)`;

/** Whether the server keeps what it is given: as each login, which may have settings of its own. */
export async function* checkSettings(sessions: readonly DatabaseSession[]): AsyncGenerator<Finding> {
  const wrong = new Map<string, Finding>();
  let standby = false;
  for (const session of sessions) {
    const settings = await session.rows<Setting>(QUERY, [Object.keys(EXPECTATIONS)]);
    for (const found of settings.flatMap((each) => ofSetting(each))) wrong.set(found.sql ?? found.says, found);
    ({ standby } = await session.row<{ standby: boolean }>('SELECT pg_is_in_recovery() AS standby'));
  }
  yield* wrong.values();
  if (standby)
    yield finding('fail', NAME, 'the server is a standby, which takes no writes', 'Name the primary in DATABASE_URL.');
  else if (wrong.size === 0) yield finding('ok', NAME, 'what is committed is kept');
}

/** Nothing, or what is wrong with it. */
export function ofSetting(setting: Setting): readonly Finding[] {
  const { name, value } = setting;
  const expected = EXPECTATIONS[name];
  if (expected === undefined || !expected.isWrong(value)) return [];
  return [
    curedBySql(finding(expected.status, NAME, `${name} is ${value}: ${expected.so}`), ...sqlFor(setting, expected)),
  ];
}

/** Where it was set, it is no longer said; in the server's own configuration it is said anew. */
function sqlFor({ name, source, login, database }: Setting, { wanted }: Expectation): readonly string[] {
  const [role, here] = [escapeIdentifier(login), escapeIdentifier(database)];
  switch (source) {
    case 'user':
      return [`ALTER ROLE ${role} RESET ${name};`];
    case 'database':
      return [`ALTER DATABASE ${here} RESET ${name};`];
    case 'database user':
      return [`ALTER ROLE ${role} IN DATABASE ${here} RESET ${name};`];
    default:
      return [`ALTER SYSTEM SET ${name} = ${wanted};`, 'SELECT pg_reload_conf();'];
  }
}
