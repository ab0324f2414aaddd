import { EnginehouseError } from '../../base/errors.ts';

const BUSY = 5;
const FULL = 13;
/** The shared memory beside a write-ahead log could not grow, which is a full disk too. */
const SHARED_MEMORY_FULL = 4874;

/** Gives a failure of SQLite its code. An error that has one already stays as it is. */
export function asStoreError(thrown: unknown, file: string, operation: string): EnginehouseError {
  if (thrown instanceof EnginehouseError) return thrown;
  const code = sqliteCode(thrown);
  if (code === FULL || code === SHARED_MEMORY_FULL) {
    return new EnginehouseError(
      'STORE_FULL',
      `${file} has no room, ${operation} wrote nothing`,
      { file },
      { cause: thrown },
    );
  }
  const reason = thrown instanceof Error ? thrown.message : String(thrown);
  return new EnginehouseError(
    'STORE_FAILED',
    `${operation} failed on ${file}: ${reason}`,
    { operation, reason },
    { cause: thrown },
  );
}

export function isBusy(thrown: unknown): boolean {
  return sqliteCode(thrown) === BUSY;
}

/** SQLite's own extended result code. */
function sqliteCode(thrown: unknown): number | undefined {
  if (!(thrown instanceof Error) || !('errcode' in thrown)) return undefined;
  return typeof thrown.errcode === 'number' ? thrown.errcode : undefined;
}
