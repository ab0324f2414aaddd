import { EnginehouseError } from '../../base/errors.ts';

/** SQLSTATE classes: https://www.postgresql.org/docs/15/errcodes-appendix.html */
const DISK_FULL = '53100';
const CONNECTION_CLASSES = ['08', '57'];

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
    { cause: thrown },
  );
}

/** True when the connection is gone, so that the same can be tried on another. */
export function isDisconnect(thrown: unknown): boolean {
  const state = sqlState(thrown);
  if (state !== undefined) return CONNECTION_CLASSES.includes(state.slice(0, 2)) && state !== '57014';
  return thrown instanceof Error && !(thrown instanceof EnginehouseError);
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
