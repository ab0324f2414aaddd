import type { QueryResult } from 'pg';

import type { Outcome } from '../log/outcome.ts';
import type { Statement } from './prepared.ts';

/** One or several writes as a part of a transaction. */
export interface Step {
  readonly statements: readonly Statement[];
  /** What the answers to the statements mean, write by write. */
  readonly outcomes: (results: readonly QueryResult[]) => readonly Outcome[];
}
