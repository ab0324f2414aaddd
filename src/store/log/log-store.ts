/**
 * The store once it is open, whatever database it is on.
 *
 *   D1. Reads run at once and see committed rows only. Writes wait for their
 *       group commit.
 *   D2. Closing waits for the writes that were made before it, then gives
 *       everything back; what comes later is refused with `CLOSED`.
 */

import { systemClock } from '../../base/clock.ts';
import { withDeadline } from '../../base/deadline.ts';
import { EnginehouseError } from '../../base/errors.ts';
import { systemIds } from '../../base/ids.ts';
import type { Owner } from '../../context/ids.ts';
import type { OwnedStore, RunKey, Store } from '../../event/store.ts';
import type { CommitQueue } from './commit-queue.ts';
import { ownedStore } from './owned-store.ts';
import type { Read, Reader, ReadName, ReadResult } from './reads.ts';
import type { StoreAccess } from './store-access.ts';
import type { Write, WriteResult } from './writes.ts';

const DRAIN_TIMEOUT_MS = 10_000;

export interface LogStoreParts {
  /** Its file, or its URL without what is secret. */
  readonly where: string;
  readonly reader: Reader;
  /** None in a store that was opened to be read. */
  readonly queue?: Pick<CommitQueue, 'submit' | 'drained'>;
  /** @default systemIds.next */
  readonly mintEpoch?: (() => string) | undefined;
  /** What the store owns and gives back when it is closed. */
  readonly owned: AsyncDisposable;
}

export class LogStore implements Store, StoreAccess {
  readonly description: string;
  readonly #parts: LogStoreParts;
  #closing: Promise<void> | undefined;

  constructor(description: string, parts: LogStoreParts) {
    this.description = description;
    this.#parts = parts;
  }

  for(owner: Owner): OwnedStore {
    return ownedStore(this, owner);
  }

  async unfinished(): Promise<readonly RunKey[]> {
    if (this.#closing !== undefined) throw closed();
    return this.#parts.reader.unfinished();
  }

  async read<N extends ReadName>(read: Read<N>): Promise<ReadResult<N>> {
    if (this.#closing !== undefined) throw closed();
    return this.#parts.reader.read(read);
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
    const { queue, owned, where } = this.#parts;
    try {
      if (queue !== undefined)
        await withDeadline(`the last commits to ${where}`, DRAIN_TIMEOUT_MS, systemClock, queue.drained());
    } finally {
      await owned[Symbol.asyncDispose]();
    }
  }

  #readOnly(operation: string): EnginehouseError {
    const { where } = this.#parts;
    const message = `${where} was opened to be read, ${operation} would change it`;
    return new EnginehouseError('STORE_READ_ONLY', message, { file: where, operation });
  }
}

function closed(): EnginehouseError {
  return new EnginehouseError('CLOSED', 'the store is closed', { what: 'store' });
}
