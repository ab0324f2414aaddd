import { systemClock } from '../../base/clock.ts';
import type { DatabaseSession } from './database-session.ts';
import { finding, type Finding } from './finding.ts';

/** Before it there are no security-invoker views, and everybody may make tables in the schema public. */
const LEAST_VERSION = 15;

const WARN_MS = 60_000;
/** A principal is good for 300 s. */
const FAIL_MS = 240_000;

/** Whether the server is new enough, and whether its clock is ours. */
export async function checkVersion(session: DatabaseSession): Promise<Finding> {
  const { number, text } = await session.row<{ number: number; text: string }>(
    `SELECT current_setting('server_version_num')::integer AS number, current_setting('server_version') AS text`,
  );
  return ofVersion(number, text);
}

export function ofVersion(number: number, text: string): Finding {
  if (number >= LEAST_VERSION * 10_000) return finding('ok', 'server', `PostgreSQL ${text}`);
  const says = `PostgreSQL ${text}, and ${LEAST_VERSION} is the oldest that Enginehouse knows`;
  return finding('fail', 'server', says, `Upgrade the server to ${LEAST_VERSION} or newer.`);
}

/** Our clock is read before and after; the server's answer lies between. */
export async function checkClock(session: DatabaseSession): Promise<Finding> {
  const before = systemClock.now();
  const { now } = await session.row<{ now: number }>(
    'SELECT extract(epoch FROM clock_timestamp())::double precision * 1000 AS now',
  );
  return ofClock(now - (before + systemClock.now()) / 2);
}

export function ofClock(aheadMs: number): Finding {
  const seconds = Math.round(Math.abs(aheadMs) / 1_000);
  if (seconds === 0) return finding('ok', 'clock', 'this machine and the server have the same time');
  const says = `the server is ${seconds} s ${aheadMs > 0 ? 'ahead of' : 'behind'} this machine`;
  const cure = 'Let both keep time with NTP. What says whose rows a transaction may see expires after 300 s.';
  if (Math.abs(aheadMs) > FAIL_MS) return finding('fail', 'clock', says, cure);
  return Math.abs(aheadMs) > WARN_MS ? finding('warn', 'clock', says, cure) : finding('ok', 'clock', says);
}

/** A pooler gives us a connection of its own and names a process of its own. */
export async function checkPooler(session: DatabaseSession, prepare: boolean): Promise<Finding> {
  const { process } = await session.row<{ process: number }>('SELECT pg_backend_pid() AS process');
  return ofPooler(session.announcedProcess === process, prepare);
}

export function ofPooler(direct: boolean, prepare: boolean): Finding {
  const name = 'pooler';
  if (direct) return finding('ok', name, 'none: the server itself answers');
  const says = 'a pooler stands before the server';
  if (!prepare) return finding('ok', name, `${says}, and statements are not prepared by name`);
  const cure =
    'Use PgBouncer 1.21 or newer with max_prepared_statements above 0, or set ENGINEHOUSE_DATABASE_PREPARE=off.';
  return finding('warn', name, `${says}, and statements are prepared by name`, cure);
}
