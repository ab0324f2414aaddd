import type { Read, ReadName, ReadResult } from './reads.ts';
import type { Write, WriteResult } from './writes.ts';

/** What the handles of an owner need of their store. */
export interface StoreAccess {
  /** @throws `CLOSED`, `STORE_FAILED` */
  read<N extends ReadName>(read: Read<N>): Promise<ReadResult<N>>;
  /** Resolves when the write is durable. @throws `CLOSED`, `STORE_READ_ONLY`, `STORE_FULL`, `STORE_FAILED`, and what the write refuses */
  write<W extends Write>(write: W): Promise<WriteResult<W['name']>>;
  /** The name of a log that begins now. */
  mintEpoch(): string;
}
