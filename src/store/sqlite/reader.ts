import type { RunKey } from '../../event/store.ts';
import type { Read, Reader, ReadName, ReadResult } from '../log/reads.ts';
import { findArtifact, listArtifacts, readPiece } from './artifacts.ts';
import { pendingCommands } from './commands.ts';
import type { Connection } from './connection.ts';
import { logHead, readEvents } from './run-log.ts';
import { getRun, listRuns, unfinishedRuns } from './runs.ts';
import { asStoreError } from './sqlite-error.ts';
import { getThread, listThreads } from './threads.ts';

const READS: {
  readonly [Name in ReadName]: (
    db: Connection,
    owner: Read<Name>['owner'],
    args: Read<Name>['args'],
  ) => ReadResult<Name>;
} = {
  'log.read': readEvents,
  'log.head': logHead,
  'runs.get': getRun,
  'runs.list': listRuns,
  'commands.pending': pendingCommands,
  'artifacts.get': findArtifact,
  'artifacts.list': listArtifacts,
  'artifacts.read': readPiece,
  'threads.get': getThread,
  'threads.list': listThreads,
};

/** Reads on the caller's own thread, with a connection that only reads. */
export class SqliteReader implements Reader {
  readonly #db: Connection;
  readonly #file: string;

  constructor(db: Connection, file: string) {
    this.#db = db;
    this.#file = file;
  }

  read<N extends ReadName>({ name, owner, args }: Read<N>): Promise<ReadResult<N>> {
    return this.#ask(name, (db) => READS[name](db, owner, args));
  }

  unfinished(): Promise<readonly RunKey[]> {
    return this.#ask('unfinished', unfinishedRuns);
  }

  async #ask<T>(what: string, query: (db: Connection) => T): Promise<T> {
    try {
      return query(this.#db);
    } catch (error) {
      throw asStoreError(error, this.#file, what);
    }
  }
}
