import type { Outcome } from '../log/outcome.ts';
import type { Writer } from '../log/writer.ts';
import type { Write } from '../log/writes.ts';
import { commit } from './commit.ts';
import type { WritingConnection } from './writing-connection.ts';

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
