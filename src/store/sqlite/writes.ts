/**
 * Every write there is, by name, so that it can be asked of another thread.
 * Each is a synchronous function of a connection and plain data, and it refuses
 * before it changes anything.
 */

import { deleteArtifact, dropLeftovers, dropUpload, keepPiece } from './artifacts.ts';
import { markApplied, putCommand } from './commands.ts';
import { takeLease } from './leases.ts';
import { appendEvents } from './run-log.ts';
import { acceptRun, deleteRun } from './runs.ts';
import type { WritingConnection } from './writing-connection.ts';

const FUNCTIONS = {
  append: appendEvents,
  accept: acceptRun,
  deleteRun,
  take: takeLease,
  putCommand,
  applied: markApplied,
  piece: keepPiece,
  dropUpload,
  dropLeftovers,
  deleteArtifact,
};

type Functions = typeof FUNCTIONS;
export type WriteName = keyof Functions;
type WriteArgs = { readonly [Name in WriteName]: Parameters<Functions[Name]>[1] };
type WriteResults = { readonly [Name in WriteName]: ReturnType<Functions[Name]> };
export type WriteResult<N extends WriteName = WriteName> = WriteResults[N];

/** One write, as it is asked for. */
export type Write<N extends WriteName = WriteName> = {
  readonly [Name in N]: { readonly name: Name; readonly args: WriteArgs[Name] };
}[N];

// The same table, typed so that a name and its arguments stay together.
const WRITES: { readonly [Name in WriteName]: (db: WritingConnection, args: WriteArgs[Name]) => WriteResults[Name] } =
  FUNCTIONS;

export function perform<N extends WriteName>(db: WritingConnection, { name, args }: Write<N>): WriteResult<N> {
  return WRITES[name](db, args);
}

const ROW_BYTES = 256;

/** What a write adds to its group commit, in bytes, nearly. */
export function weightOf(write: Write): number {
  switch (write.name) {
    case 'append':
      return write.args.events.reduce((sum, { data }) => sum + Buffer.byteLength(data), ROW_BYTES);
    case 'accept':
      return ROW_BYTES + Buffer.byteLength(write.args.run.context) + Buffer.byteLength(write.args.run.accepted.data);
    case 'piece':
      return ROW_BYTES + write.args.content.byteLength;
    default:
      return ROW_BYTES;
  }
}
