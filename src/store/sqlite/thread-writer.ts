/**
 * Writes a file in a thread of its own.
 *
 *   H1. The thread keeps the process alive only while a commit is under way.
 *   H2. When it dies, what it was given fails with `STORE_FAILED`, and the next
 *       commit starts another: the store goes on by itself.
 *   H3. It is ended on close, by force when it does not end in time.
 */

import { Worker } from 'node:worker_threads';

import { systemClock } from '../../base/clock.ts';
import { withDeadline } from '../../base/deadline.ts';
import { EnginehouseError } from '../../base/errors.ts';
import type { Outcome } from '../log/outcome.ts';
import type { Writer } from '../log/writer.ts';
import type { Write } from '../log/writes.ts';
import { asStoreError } from './sqlite-error.ts';
import { packWrite } from './write-message.ts';
import type { FromWriterThread, ToWriterThread, WriterThreadData } from './writer-thread.ts';

// Beside this file, as source or built.
const THREAD = new URL(import.meta.url.endsWith('.ts') ? './writer-thread.ts' : './writer-thread.js', import.meta.url);

/** The last checkpoint writes at most a few megabytes; a disk that takes longer hangs. */
const CLOSE_TIMEOUT_MS = 10_000;

export class ThreadWriter implements Writer {
  readonly #data: WriterThreadData;
  #thread: Worker | undefined;
  #answer: PromiseWithResolvers<readonly Outcome[]> | undefined;
  #closed = false;

  constructor(data: WriterThreadData) {
    this.#data = data;
  }

  async commit(writes: readonly Write[]): Promise<readonly Outcome[]> {
    if (this.#closed) throw new EnginehouseError('CLOSED', 'the store is closed', { what: 'store' });
    const answer = Promise.withResolvers<readonly Outcome[]>();
    const thread = (this.#thread ??= this.#start());
    this.#answer = answer;
    try {
      thread.postMessage({ writes: writes.map(packWrite) } satisfies ToWriterThread);
    } catch (error) {
      throw asStoreError(error, this.#data.file, 'commit');
    }
    thread.ref();
    return answer.promise;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const thread = this.#thread;
    this.#closed = true;
    if (thread === undefined) return;
    const ended = new Promise((resolve) => thread.once('exit', resolve));
    thread.ref();
    thread.postMessage('close' satisfies ToWriterThread);
    try {
      await withDeadline(`closing ${this.#data.file}`, CLOSE_TIMEOUT_MS, systemClock, ended);
    } catch (error) {
      // Not waited for: a thread that hangs on its disk may never end.
      void thread.terminate();
      thread.unref();
      throw error;
    }
  }

  #start(): Worker {
    // Flags of this process (a test runner's loader, a debugger) are none of its business.
    const thread = new Worker(THREAD, { workerData: this.#data, execArgv: [], name: 'enginehouse store' });
    thread.unref();
    thread.on('message', (outcomes: FromWriterThread) => {
      thread.unref();
      this.#answer?.resolve(outcomes);
    });
    thread.once('error', (error) => this.#died(thread, error));
    thread.once('exit', () => this.#died(thread, new Error('the thread ended')));
    return thread;
  }

  #died(thread: Worker, cause: unknown): void {
    if (this.#thread !== thread) return;
    this.#thread = undefined;
    const reason = cause instanceof Error ? cause.message : String(cause);
    const message = `the writer of ${this.#data.file} ended: ${reason}`;
    this.#answer?.reject(new EnginehouseError('STORE_FAILED', message, { operation: 'commit', reason }, { cause }));
  }
}
