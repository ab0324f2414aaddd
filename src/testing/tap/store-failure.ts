import { EnginehouseError } from '../../base/errors.ts';
import type { StoreCall, StoreOperation } from './store-call.ts';

/** The errors of a store that a test can ask for by name. */
export type StoreFailureCode = 'STORE_FAILED' | 'STORE_FULL' | 'LEASE_LOST' | 'LOG_CONFLICT';

const REASON = 'the test asked for this fault';

/** @throws `CONFIG_INVALID` for an error that no store gives for this operation */
export function checkFailure(operation: StoreOperation, error: StoreFailureCode | Error): void {
  if (error instanceof Error || error === 'STORE_FAILED' || error === 'STORE_FULL' || operation === 'append') return;
  const message = `a store never answers ${operation} with ${error}; only an append is refused like that`;
  throw new EnginehouseError('CONFIG_INVALID', message, { option: 'error', received: error });
}

/** The error as the real store gives it for this call. */
export function storeFailure({ operation, append, runId: run }: StoreCall, error: StoreFailureCode | Error): Error {
  if (error instanceof Error) return error;
  const runId = String(run);
  const { generation = 0, after: expected = 0 } = append ?? {};
  switch (error) {
    case 'LEASE_LOST': {
      const message = `run ${runId} is held by generation ${generation + 1}, not ${generation}: ${REASON}`;
      return new EnginehouseError(error, message, { runId, generation });
    }
    case 'LOG_CONFLICT': {
      const message = `run ${runId} has ${expected + 1} events, the append expected ${expected}: ${REASON}`;
      return new EnginehouseError(error, message, { runId, expected, head: expected + 1 });
    }
    case 'STORE_FULL':
      return new EnginehouseError(error, `${operation}: ${REASON}`, { file: REASON });
    case 'STORE_FAILED':
      return new EnginehouseError(error, `${operation}: ${REASON}`, { operation, reason: REASON });
  }
}
