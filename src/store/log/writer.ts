import type { Outcome } from './outcome.ts';
import type { Write } from './writes.ts';

/** Commits groups of writes, one group at a time. Who calls waits for one before giving the next. */
export interface Writer extends AsyncDisposable {
  /** One outcome per write, in order. @throws `STORE_FAILED` when it is not known what became of them. */
  commit(writes: readonly Write[]): Promise<readonly Outcome[]>;
}
