import { crc32 } from 'node:zlib';

import { ownerKey } from '../../context/ids.ts';
import type { CommitQueue } from './commit-queue.ts';
import type { Write, WriteResult } from './writes.ts';

/**
 * Several queues that commit at the same time. All writes of an owner go through
 * the same one: their order is kept, and no two commits want the same rows.
 */
export class CommitLanes {
  readonly #lanes: readonly [CommitQueue, ...CommitQueue[]];

  constructor(first: CommitQueue, ...others: readonly CommitQueue[]) {
    this.#lanes = [first, ...others];
  }

  submit<W extends Write>(write: W): Promise<WriteResult<W['name']>> {
    return this.#laneOf(write).submit(write);
  }

  /** Resolves when everything submitted so far is answered. */
  async drained(): Promise<void> {
    await Promise.all(this.#lanes.map((lane) => lane.drained()));
  }

  #laneOf({ args }: Write): CommitQueue {
    const [first] = this.#lanes;
    return 'owner' in args ? (this.#lanes[crc32(ownerKey(args.owner)) % this.#lanes.length] ?? first) : first;
  }
}
