import { databaseError, statementFailed } from '../../database/database-error.ts';
import type { Value } from '../../database/worker-protocol.ts';
import { firstKeyword } from './first-keyword.ts';
import { reachingName } from './reaching-names.ts';

// EXPLAIN is not among them: its estimates are made of the rows of all users.
const ALLOWED = new Set(['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'WITH', 'VALUES', 'TABLE']);

/** What the protocol can count. */
const MOST_PARAMETERS = 65_535;
/** Far below where the length of a message would run over. */
const LARGEST_BYTES = 268_435_456;

/**
 * Refuses what is no statement on rows, and what the protocol could not carry as
 * it is. That a user reaches only their own rows does not rest on it.
 *
 * @throws `DATABASE_DENIED`, `DATABASE_FAILED`
 */
export function refuseStatement(sql: string, parameters: readonly Value[]): void {
  const keyword = firstKeyword(sql);
  if (sql.includes('\0')) throw databaseError({ code: 'DATABASE_DENIED', action: 'a NUL character in SQL' }, sql);
  if (keyword === '') throw statementFailed(sql, 'The SQL query contains no statements.');
  if (!ALLOWED.has(keyword)) throw databaseError({ code: 'DATABASE_DENIED', action: keyword }, sql);
  const reaching = reachingName(sql);
  if (reaching !== undefined) throw databaseError({ code: 'DATABASE_DENIED', action: reaching }, sql);
  if (parameters.length > MOST_PARAMETERS) {
    throw statementFailed(sql, `it has ${parameters.length} parameters, and PostgreSQL takes ${MOST_PARAMETERS}`);
  }
  const bytes = parameters.reduce<number>((sum, value) => sum + bytesOf(value), bytesOf(sql));
  if (bytes > LARGEST_BYTES) throw statementFailed(sql, `it has ${bytes} bytes, and may have ${LARGEST_BYTES}`);
}

function bytesOf(value: Value): number {
  if (typeof value === 'string') return Buffer.byteLength(value);
  return value instanceof Uint8Array ? value.byteLength : 0;
}
