import type { Roles } from '../../store/postgres/layout.ts';
import { sqlState } from '../../store/postgres/postgres-error.ts';
import type { DatabaseSession } from './database-session.ts';
import { finding, type Finding } from './finding.ts';

const NAME = 'capacity';
const NOT_ALLOWED = '42501';

const MOST = `
  SELECT CASE WHEN d.datconnlimit < 0 THEN s.total ELSE least(s.total, d.datconnlimit) END AS most
    FROM pg_database d,
         (SELECT current_setting('max_connections')::integer - current_setting('superuser_reserved_connections')::integer
               - coalesce(current_setting('reserved_connections', true)::integer, 0) AS total) AS s
   WHERE d.datname = current_database()`;

const TAKEN = `
  SELECT count(*)::integer AS taken FROM pg_stat_activity
   WHERE datid IS NOT NULL AND usename IS NOT NULL AND usename <> ALL ($1) AND pid <> pg_backend_pid()`;

export interface Capacity {
  /** What the server, and the database where it is limited, leave for everybody. */
  readonly most: number;
  /** What others than our logins hold; `undefined` where this login may not see it. */
  readonly taken: number | undefined;
}

/** Whether the server has room for the connections that one runtime may open. */
export async function checkCapacity(session: DatabaseSession, roles: Roles, needed: number): Promise<Finding> {
  const { most } = await session.row<{ most: number }>(MOST);
  return ofCapacity({ most, taken: await takenBy(session, roles) }, needed);
}

export function ofCapacity({ most, taken }: Capacity, needed: number): Finding {
  const others = taken === undefined ? 'how many others take is hidden from this login' : `others take ${taken}`;
  const says = `a runtime opens up to ${needed} connections, the server has ${most}, ${others}`;
  const cure = 'Raise max_connections, put PgBouncer in front of the server, or lower limits.databaseWorkers.';
  if (needed > most) return finding('fail', NAME, says, cure);
  return needed > most - (taken ?? 0) ? finding('warn', NAME, says, cure) : finding('ok', NAME, says);
}

async function takenBy(session: DatabaseSession, { system, agent }: Roles): Promise<number | undefined> {
  try {
    return (await session.row<{ taken: number }>(TAKEN, [[system, agent]])).taken;
  } catch (error) {
    if (sqlState(error) === NOT_ALLOWED) return undefined;
    throw error;
  }
}
