import { EnginehouseError } from '../../base/errors.ts';
import type { Failure } from './worker-protocol.ts';

const SHOWN_SQL = 500;

/** The error for what a worker answered to `sql`. Parameters are left out: they are the user's data. */
export function databaseError(failure: Failure, sql: string): EnginehouseError {
  if (failure.code === 'DATABASE_DENIED') {
    return new EnginehouseError('DATABASE_DENIED', `not allowed on a user's database: ${failure.action}`, {
      action: failure.action,
    });
  }
  if (failure.code === 'DATABASE_RESULT_TOO_LARGE') {
    const { limitBytes } = failure;
    return new EnginehouseError('DATABASE_RESULT_TOO_LARGE', `the result is larger than ${limitBytes} bytes`, {
      limitBytes,
    });
  }
  return statementFailed(sql, failure.reason);
}

/** `DATABASE_FAILED` with the reason and the statement, cut to 500 characters. */
export function statementFailed(sql: string, reason: string, cure?: string): EnginehouseError<'DATABASE_FAILED'> {
  const shown = sql.length > SHOWN_SQL ? `${sql.slice(0, SHOWN_SQL)}…` : sql;
  return new EnginehouseError(
    'DATABASE_FAILED',
    `${reason}, in: ${shown}`,
    { sql: shown, reason },
    cure === undefined ? {} : { cure },
  );
}
