import { isLoopback } from '../../server/resolve-auth.ts';
import { reasonOf, sqlState } from '../../store/postgres/postgres-error.ts';
import { shownUrl } from '../../store/postgres/target.ts';
import type { DatabaseSession, Way } from './database-session.ts';
import { finding, type Finding } from './finding.ts';

const NAME = 'connection';

const PASSWORD = 'Give DATABASE_URL the password of its role; write %40 for @, %3A for : and %2F for / in it.';

/** By PostgreSQL's own code of why nobody was let in. */
const CURES: Readonly<Record<string, string>> = {
  '28P01': PASSWORD,
  '28000': 'Let the role in: CREATE ROLE … LOGIN, and a line for it, this database and this machine in pg_hba.conf.',
  '3D000': 'Make the database: CREATE DATABASE …, or name another one in DATABASE_URL.',
  '42501': 'Let the role in: GRANT CONNECT ON DATABASE … TO ….',
  '53300': 'Raise max_connections, or end connections that nobody needs.',
  '55000': 'The database takes no connections: ALTER DATABASE … ALLOW_CONNECTIONS true.',
  '57P03': 'The server starts or stops; try again in a moment.',
};

/** Who is connected, where to, and whether others on the way could read the password. */
export async function checkConnection(session: DatabaseSession, url: string): Promise<Finding> {
  const { role, database } = await session.row<{ role: string; database: string }>(
    'SELECT current_user AS role, current_database() AS database',
  );
  return ofWay(session.way, `${role} is in database ${database} of ${placeOf(url)}`);
}

export function ofWay(way: Way, says: string): Finding {
  const { address, tls, verified } = way;
  if (address === undefined) return finding('ok', NAME, `${says}, over a Unix socket`);
  if (isLoopback(address)) return finding('ok', NAME, `${says}, on this machine`);
  if (tls === undefined) {
    const cure = 'Switch on ssl at the server, and write ?sslmode=verify-full&sslrootcert=… into DATABASE_URL.';
    return finding('warn', NAME, `${says}, over the network without TLS: everyone on the way reads along`, cure);
  }
  if (verified) return finding('ok', NAME, `${says}, over ${tls}`);
  const cure = 'Write ?sslmode=verify-full&sslrootcert=… into DATABASE_URL.';
  return finding('warn', NAME, `${says}, over ${tls}, but nobody checked that the server is the right one`, cure);
}

/** True when the server answered and did not take the login. */
export function isRefused(thrown: unknown): boolean {
  return ['28P01', '28000'].includes(sqlState(thrown) ?? '');
}

/** Why nobody was let in. */
export function notConnected(url: string, thrown: unknown): Finding {
  const state = sqlState(thrown);
  const where = shownUrl(url);
  if (state !== undefined)
    return finding('fail', NAME, `${where} lets nobody in: ${reasonOf(thrown)} (${state})`, CURES[state] ?? PASSWORD);
  const reason = reasonOf(thrown);
  return finding('fail', NAME, `${where} cannot be reached: ${reason}`, cureOfWay(reason));
}

function cureOfWay(reason: string): string {
  if (/does not support SSL/.test(reason)) return 'Switch on ssl at the server, or leave sslmode out of DATABASE_URL.';
  if (/certificate/.test(reason))
    return 'Name the authority that signed it: ?sslmode=verify-full&sslrootcert=… in DATABASE_URL.';
  if (/password must be a string/.test(reason)) return PASSWORD;
  return 'Start the server, check host and port in DATABASE_URL, and what stands between: firewalls, listen_addresses.';
}

/** Host and port, and nothing that may be secret. */
export function placeOf(url: string): string {
  const { hostname, port, searchParams } = new URL(url);
  const host = searchParams.get('host') ?? decodeURIComponent(hostname);
  return `${host === '' ? 'localhost' : host}:${port === '' ? '5432' : port}`;
}
