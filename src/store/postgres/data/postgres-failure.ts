import { EnginehouseError } from '../../../base/errors.ts';
import { databaseBusy } from '../../database/admission.ts';
import { databaseError, statementFailed } from '../../database/database-error.ts';
import { reasonOf, sqlState } from '../postgres-error.ts';

const DENIED = new Set(['42501', '25006']);
const TRY_AGAIN = new Set(['40001', '40P01']);
const SYNTAX = '42601';
const TOO_MANY_CONNECTIONS = '53300';
const CLASS_OF_DATA = '22';

const AGAIN = 'Run the whole transaction again: this one was rolled back.';

/** The error for what PostgreSQL, or the way to it, answered to `sql`. Values are left out: they are the user's data. */
export function postgresFailure(thrown: unknown, sql: string): EnginehouseError {
  if (thrown instanceof EnginehouseError) return thrown;
  const state = sqlState(thrown);
  const reason = reasonOf(thrown);
  if (state === undefined || /^(08|57P)/.test(state)) return statementFailed(sql, reason, AGAIN);
  if (DENIED.has(state)) return databaseError({ code: 'DATABASE_DENIED', action: reason }, sql);
  if (state === SYNTAX && routineOf(thrown) === 'exec_parse_message')
    return databaseError({ code: 'DATABASE_DENIED', action: 'a second statement in one text' }, sql);
  if (state === TOO_MANY_CONNECTIONS) return databaseBusy(0, reason, thrown);
  if (TRY_AGAIN.has(state)) return statementFailed(sql, reason, AGAIN);
  // `invalid input syntax for type integer: "…"` and its like show what was given.
  return statementFailed(sql, state.startsWith(CLASS_OF_DATA) ? reason.replace(/".*"/s, '"…"') : reason);
}

function routineOf(thrown: unknown): unknown {
  return thrown instanceof Error && 'routine' in thrown ? thrown.routine : undefined;
}
