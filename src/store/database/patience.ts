import type { Clock } from '../../base/clock.ts';
import { EnginehouseError } from '../../base/errors.ts';
import { databaseError } from './database-error.ts';
import type { DatabaseWorker } from './database-worker.ts';
import type { Exchanges, Kind } from './worker-protocol.ts';

/** How long the house waits for one thing that a worker does. */
export interface Patience {
  readonly clock: Clock;
  readonly statementTimeoutMs: number;
}

/** Settles as `work` does. When that takes too long, the worker is ended, and with it the work: `DATABASE_TIMEOUT`. */
export async function orKilled<T>(
  what: string,
  worker: DatabaseWorker,
  patience: Patience,
  work: Promise<T>,
): Promise<T> {
  const { clock, statementTimeoutMs } = patience;
  const disarm = clock.after(statementTimeoutMs, () => void worker.kill(tookTooLong(what, statementTimeoutMs)));
  try {
    return await work;
  } finally {
    disarm();
  }
}

/**
 * Asks a worker and unpacks its answer. `sql` is what the error of a failure shows.
 *
 * @throws `DATABASE_TIMEOUT`, `DATABASE_DENIED`, `DATABASE_FAILED`, `DATABASE_RESULT_TOO_LARGE`
 */
export async function ask<K extends Kind>(
  worker: DatabaseWorker,
  patience: Patience,
  { kind, body, sql }: { readonly kind: K; readonly body: Exchanges[K]['request']; readonly sql: string },
): Promise<Exchanges[K]['reply']> {
  const reply = await orKilled(sql, worker, patience, worker.request(kind, body));
  if ('failure' in reply) throw databaseError(reply.failure, sql);
  return reply.value;
}

export function tookTooLong(what: string, timeoutMs: number): EnginehouseError<'DATABASE_TIMEOUT'> {
  const shown = what.length > 100 ? `${what.slice(0, 100)}…` : what;
  return new EnginehouseError('DATABASE_TIMEOUT', `${shown} took longer than ${timeoutMs} ms`, {
    what: shown,
    timeoutMs,
  });
}
