import type { Write, WriteName, WriteResult, Writes } from '../log/writes.ts';
import { deleteArtifact, dropLeftovers, dropUpload, keepPiece } from './artifacts.ts';
import { markApplied, putCommand } from './commands.ts';
import { takeLease } from './leases.ts';
import { appendEvents } from './run-log.ts';
import { acceptRun, deleteRun } from './runs.ts';
import type { WritingConnection } from './writing-connection.ts';

const WRITES: {
  readonly [Name in WriteName]: (db: WritingConnection, args: Parameters<Writes[Name]>[0]) => WriteResult<Name>;
} = {
  append: appendEvents,
  accept: acceptRun,
  deleteRun,
  take: takeLease,
  putCommand,
  applied: markApplied,
  piece: keepPiece,
  dropUpload,
  deleteArtifact,
  dropLeftovers,
};

/** Runs one write now: a synchronous function of a connection and plain data. */
export function perform<N extends WriteName>(db: WritingConnection, { name, args }: Write<N>): WriteResult<N> {
  return WRITES[name](db, args);
}
