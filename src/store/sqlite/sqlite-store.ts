/**
 * The store on SQLite, once it is open.
 *
 *   D1. Reads run at once, on a connection that sees committed rows only. Writes
 *       wait for their group commit.
 *   D2. Closing waits for the writes that were made before it, then gives
 *       everything back; what comes later is refused with `CLOSED`.
 *
 * `open-sqlite-store.ts` makes it.
 */

import { systemClock } from '../../base/clock.ts';
import { withDeadline } from '../../base/deadline.ts';
import { EnginehouseError } from '../../base/errors.ts';
import { systemIds } from '../../base/ids.ts';
import type { Owner } from '../../context/ids.ts';
import type { OwnedStore, RunKey, Store } from '../../event/store.ts';
import type { CommitQueue } from './commit-queue.ts';
import type { Connection } from './connection.ts';
import { ownedStore } from './owned-store.ts';
import { unfinishedRuns } from './runs.ts';
import { asStoreError } from './sqlite-error.ts';
import type { StoreAccess } from './store-access.ts';
import type { Write, WriteResult } from './writes.ts';

const DRAIN_TIMEOUT_MS = 10_000;

export interface SqliteStoreParts {
  readonly file: string;
  readonly reader: Connection;
  /** None in a store that was opened to be read. */
  readonly queue?: CommitQueue;
  /** @default systemIds.next */
  readonly mintEpoch?: (() => string) | undefined;
  /** What the store owns and gives back when it is closed. */
  readonly owned: AsyncDisposable;
}

export class SqliteStore implements Store, StoreAccess {
  readonly description: string;
  readonly #parts: SqliteStoreParts;
  #closing: Promise<void> | undefined;

  constructor(description: string, parts: SqliteStoreParts) {
    this.description = description;
    this.#parts = parts;
  }

  for(owner: Owner): OwnedStore {
    return ownedStore(this, owner);
  }

  unfinished(): Promise<readonly RunKey[]> {
    return this.read('unfinished', unfinishedRuns);
  }

  async read<T>(what: string, query: (db: Connection) => T): Promise<T> {
    if (this.#closing !== undefined) throw closed();
    const { reader, file } = this.#parts;
    try {
      return query(reader);
    } catch (error) {
      throw asStoreError(error, file, what);
    }
  }

  write<W extends Write>(write: W): Promise<WriteResult<W['name']>> {
    const { queue } = this.#parts;
    if (this.#closing !== undefined) return Promise.reject(closed());
    return queue?.submit(write) ?? Promise.reject(this.#readOnly(write.name));
  }

  mintEpoch(): string {
    return (this.#parts.mintEpoch ?? systemIds.next)();
  }

  close(): Promise<void> {
    return (this.#closing ??= this.#giveBack());
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #giveBack(): Promise<void> {
    const { queue, owned, file } = this.#parts;
    try {
      if (queue !== undefined)
        await withDeadline(`the last commits to ${file}`, DRAIN_TIMEOUT_MS, systemClock, queue.drained());
    } finally {
      await owned[Symbol.asyncDispose]();
    }
  }

  #readOnly(operation: string): EnginehouseError {
    const { file } = this.#parts;
    const message = `${file} was opened to be read, ${operation} would change it`;
    return new EnginehouseError('STORE_READ_ONLY', message, { file, operation });
  }
}

function closed(): EnginehouseError {
  return new EnginehouseError('CLOSED', 'the store is closed', { what: 'store' });
}
