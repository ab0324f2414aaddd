/**
 * Runs a group of writes in one transaction.
 *
 *   W1. A write refuses before it changes anything, so a refusal (`LEASE_LOST`,
 *       `LOG_CONFLICT` …) leaves nothing to undo, and its neighbours go on.
 *   W2. Any other failure takes the whole transaction back. The writes are then
 *       run one by one, so that only the guilty one fails, and one that makes
 *       room on a full disk is not lost with those that need it.
 *   W3. What is answered is durable.
 */

import { isEnginehouseError } from '../../base/errors.ts';
import { asRefusal, type Outcome } from '../log/outcome.ts';
import type { Write } from '../log/writes.ts';
import { perform } from './perform.ts';
import { asStoreError } from './sqlite-error.ts';
import type { WritingConnection } from './writing-connection.ts';

export function commit(db: WritingConnection, file: string, writes: readonly Write[]): readonly Outcome[] {
  try {
    return db.transaction(() => writes.map((write) => attempt(db, write)));
  } catch (error) {
    if (writes.length > 1) return writes.flatMap((write) => commit(db, file, [write]));
    return [{ refusal: asRefusal(asStoreError(error, file, writes[0]?.name ?? 'commit')) }];
  }
}

function attempt(db: WritingConnection, write: Write): Outcome {
  try {
    return { result: perform(db, write) };
  } catch (error) {
    if (isEnginehouseError(error)) return { refusal: asRefusal(error) };
    throw error;
  }
}
