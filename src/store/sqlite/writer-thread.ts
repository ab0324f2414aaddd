/**
 * The thread that writes a store's file, so that waiting for the disk does not
 * hold the event loop. It runs what it is given; `thread-writer.ts` starts and
 * ends it. A failure to open the file ends the thread, which the other side hears.
 */

import { parentPort, workerData } from 'node:worker_threads';

import type { Outcome } from '../log/outcome.ts';
import { commit } from './commit.ts';
import { openForWriting } from './file.ts';
import { unpackWrite, type WriteMessage } from './write-message.ts';

export interface WriterThreadData {
  readonly file: string;
  readonly maxBytes: number | undefined;
}

/** A group to commit, or the end. */
export type ToWriterThread = { readonly writes: readonly WriteMessage[] } | 'close';
export type FromWriterThread = readonly Outcome[];

const { file, maxBytes }: WriterThreadData = workerData;
const port = parentPort;
if (port === null) throw new TypeError('writer-thread.ts is run as a worker thread only');
const db = openForWriting(file, maxBytes);

port.on('message', (message: ToWriterThread) => {
  if (message === 'close') {
    db[Symbol.dispose]();
    port.close();
    return;
  }
  const outcomes: FromWriterThread = commit(db, file, message.writes.map(unpackWrite));
  port.postMessage(outcomes);
});
