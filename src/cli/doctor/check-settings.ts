import { escapeIdentifier } from 'pg';

import type { Limits } from '../../context/limits.ts';
import type { DatabaseSession } from './database-session.ts';
import { curedBySql, finding, type Finding } from './finding.ts';

const NAME = 'settings';

/** A setting as one login meets it. */
export interface Setting {
  readonly name: string;
  /** In the setting's own unit, which is milliseconds for the times that are looked at. */
  readonly value: string;
  /** Where it was set, as `pg_settings` says it. */
  readonly source: string;
  readonly login: string;
  readonly database: string;
}

type Timeouts = Pick<Limits, 'transactionTimeoutMs'>;

/** What may not be off, and what it costs. */
const NEVER_OFF: Readonly<Record<string, { readonly status: 'warn' | 'fail'; readonly so: string }>> = {
  fsync: { status: 'fail', so: 'a power cut can destroy the whole database' },
  full_page_writes: { status: 'fail', so: 'a power cut can leave pages that are half old' },
  synchronous_commit: { status: 'fail', so: 'events that clients saw are lost when the server dies' },
  autovacuum: { status: 'warn', so: 'each append leaves an old row behind, and the tables grow without end' },
  track_counts: { status: 'warn', so: 'autovacuum does not know where to work' },
};

/** What would end a transaction of an agent that waits between two statements, as it may. */
const ENDS_TRANSACTIONS = ['idle_in_transaction_session_timeout', 'transaction_timeout'];

const QUERY = `
  SELECT name, setting AS value, source, current_user AS login, current_database() AS database
    FROM pg_settings WHERE name = ANY ($1)`;

/** Whether the server keeps what it is given, and ends nothing that we need: as each login, which may have settings of its own. */
export async function* checkSettings(sessions: readonly DatabaseSession[], limits: Timeouts): AsyncGenerator<Finding> {
  const names = [...Object.keys(NEVER_OFF), ...ENDS_TRANSACTIONS];
  const wrong = new Map<string, Finding>();
  let standby = false;
  for (const session of sessions) {
    const settings = await session.rows<Setting>(QUERY, [names]);
    for (const found of settings.flatMap((each) => ofSetting(each, limits))) wrong.set(found.says, found);
    ({ standby } = await session.row<{ standby: boolean }>('SELECT pg_is_in_recovery() AS standby'));
  }
  yield* wrong.values();
  if (standby)
    yield finding('fail', NAME, 'the server is a standby, which takes no writes', 'Name the primary in DATABASE_URL.');
  else if (wrong.size === 0)
    yield finding('ok', NAME, 'what is committed is kept, and nothing ends a transaction before its time');
}

/** Nothing, or what is wrong with it. */
export function ofSetting(setting: Setting, { transactionTimeoutMs }: Timeouts): readonly Finding[] {
  const { name, value, login } = setting;
  const needed = NEVER_OFF[name];
  if (needed !== undefined) {
    if (value !== 'off') return [];
    return [curedBySql(finding(needed.status, NAME, `${name} is off: ${needed.so}`), ...switchOn(setting))];
  }
  if (Number(value) === 0 || Number(value) >= transactionTimeoutMs) return [];
  const says = `${name} is ${value} ms: it ends transactions of agents before limits.transactionTimeoutMs (${transactionTimeoutMs} ms) does`;
  return [curedBySql(finding('warn', NAME, says), `ALTER ROLE ${escapeIdentifier(login)} SET ${name} = 0;`)];
}

/** Where it was switched off, it is no longer said; in the server's own configuration it is said anew. */
function switchOn({ name, source, login, database }: Setting): readonly string[] {
  const [role, here] = [escapeIdentifier(login), escapeIdentifier(database)];
  switch (source) {
    case 'user':
      return [`ALTER ROLE ${role} RESET ${name};`];
    case 'database':
      return [`ALTER DATABASE ${here} RESET ${name};`];
    case 'database user':
      return [`ALTER ROLE ${role} IN DATABASE ${here} RESET ${name};`];
    default:
      return [`ALTER SYSTEM SET ${name} = on;`, 'SELECT pg_reload_conf();'];
  }
}
