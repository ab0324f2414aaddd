import { EnginehouseError } from '../../base/errors.ts';

/** SQLSTATE classes and codes: https://www.postgresql.org/docs/15/errcodes-appendix.html */
const DISK_FULL = '53100';
const CONNECTION_CLASS = '08';
const SERVER_GOES = ['57P01', '57P02', '57P03', '57P05'];
const TIMEOUTS = ['57014', '55P03', '25P03', '25P04'];
/** A failed expectation of ours, a key that is there already, a serialization failure, a deadlock. */
const SURPRISES = ['EH001', '23505', '40001', '40P01'];
const NAMES_MIXED_UP = ['26000', '42P05'];

/** What the socket and the client say when there is no server any more. */
const SOCKET_ERRORS = ['ECONNRESET', 'EPIPE', 'ECONNREFUSED', 'ECONNABORTED', 'ENOENT', 'ETIMEDOUT'];
const CLIENT_LOST = /^Connection terminated|^Client has encountered a connection error|not queryable/;
const CLIENT_TIMEOUT = /timeout/i;

/** Gives a failure of PostgreSQL, or of the way to it, its code. An error that has one already stays as it is. */
export function asStoreError(thrown: unknown, where: string, operation: string): EnginehouseError {
  if (thrown instanceof EnginehouseError) return thrown;
  if (sqlState(thrown) === DISK_FULL) {
    const message = `${where} has no room, ${operation} wrote nothing`;
    return new EnginehouseError('STORE_FULL', message, { file: where }, { cause: thrown });
  }
  const reason = reasonOf(thrown);
  return new EnginehouseError(
    'STORE_FAILED',
    `${operation} failed on ${where}: ${reason}`,
    { operation, reason },
    { cause: thrown, ...cureOf(thrown) },
  );
}

/** True when the connection is gone, so that the same can be tried on another. */
export function isDisconnect(thrown: unknown): boolean {
  const state = sqlState(thrown);
  if (state !== undefined) return state.startsWith(CONNECTION_CLASS) || SERVER_GOES.includes(state);
  if (!(thrown instanceof Error) || thrown instanceof EnginehouseError || isTimeout(thrown)) return false;
  if (thrown instanceof AggregateError) return thrown.errors.some(isDisconnect);
  return ('code' in thrown && SOCKET_ERRORS.includes(String(thrown.code))) || CLIENT_LOST.test(thrown.message);
}

/** True when something took longer than it may. */
export function isTimeout(thrown: unknown): boolean {
  const state = sqlState(thrown);
  if (state !== undefined) return TIMEOUTS.includes(state);
  return thrown instanceof Error && !(thrown instanceof EnginehouseError) && CLIENT_TIMEOUT.test(thrown.message);
}

/**
 * True when something else was there than the statement was told, or another transaction came first: nothing was
 * written, and the same can succeed after a look.
 */
export function isSurprise(thrown: unknown): boolean {
  return SURPRISES.includes(sqlState(thrown) ?? '');
}

/** True when a statement failed by itself, so that others in its transaction may be innocent. */
export function isOfStatement(thrown: unknown): boolean {
  return sqlState(thrown) !== undefined && !isDisconnect(thrown) && !isTimeout(thrown);
}

/** PostgreSQL's own code of an error that it sent; `undefined` for anything else. */
export function sqlState(thrown: unknown): string | undefined {
  if (!(thrown instanceof Error) || !('code' in thrown) || !('severity' in thrown)) return undefined;
  return typeof thrown.code === 'string' ? thrown.code : undefined;
}

export function reasonOf(thrown: unknown): string {
  // Several addresses of one name were tried: what was wrong with the first says enough.
  if (thrown instanceof AggregateError && thrown.errors.length > 0) return reasonOf(thrown.errors[0]);
  return thrown instanceof Error ? thrown.message || thrown.name : String(thrown);
}

function cureOf(thrown: unknown): { readonly cure?: string } {
  if (!NAMES_MIXED_UP.includes(sqlState(thrown) ?? '')) return {};
  return {
    cure:
      'A pooler that lends connections per transaction is in between: ' +
      'set store.prepare to false, or ENGINEHOUSE_DATABASE_PREPARE to off.',
  };
}
