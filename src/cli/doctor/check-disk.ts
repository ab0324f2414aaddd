import { sqlState } from '../../store/postgres/postgres-error.ts';
import type { DatabaseSession } from './database-session.ts';
import { finding, type Finding } from './finding.ts';

const MEGABYTE = 1_048_576;
const NOT_ALLOWED = '42501';

/** SQL does not say what is free; that it is not examined is better said than passed over. */
export async function checkDatabaseSize(session: DatabaseSession): Promise<Finding> {
  const free = 'what its disk has free cannot be asked through SQL, so watch it at the server';
  try {
    const { bytes } = await session.row<{ bytes: string }>('SELECT pg_database_size(current_database()) AS bytes');
    const size = Math.ceil(Number(bytes) / MEGABYTE).toLocaleString('en-US');
    return finding('ok', 'disk', `the database has ${size} MB; ${free}`);
  } catch (error) {
    if (sqlState(error) === NOT_ALLOWED) return finding('ok', 'disk', free);
    throw error;
  }
}
