import { commit, type Outcome } from './commit.ts';
import type { Write } from './writes.ts';
import type { WritingConnection } from './writing-connection.ts';

/** Commits groups of writes, one group at a time. Who calls waits for one before giving the next. */
export interface Writer extends AsyncDisposable {
  /** One outcome per write, in order. @throws `STORE_FAILED` when it is not known what became of them. */
  commit(writes: readonly Write[]): Promise<readonly Outcome[]>;
}

/** Writes on the caller's own thread: for a store in memory, where a commit waits for no disk. */
export class InlineWriter implements Writer {
  readonly #db: WritingConnection;
  readonly #file: string;

  constructor(db: WritingConnection, file: string) {
    this.#db = db;
    this.#file = file;
  }

  async commit(writes: readonly Write[]): Promise<readonly Outcome[]> {
    return commit(this.#db, this.#file, writes);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#db[Symbol.dispose]();
  }
}
