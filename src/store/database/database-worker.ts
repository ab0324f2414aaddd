/**
 * The house's side of one worker process.
 *
 *   D1. Requests are answered in the order they were sent; each promise settles,
 *       at the latest when the process has ended.
 *   D2. `kill` ends the process whatever it does. What waits for an answer, and
 *       whatever is asked later, fails with the reason given, and only once the
 *       process is gone: its locks are then free and its transaction undone.
 *   D3. A worker without a request holds no process open.
 */

import { fork, type ChildProcess } from 'node:child_process';
import { Socket } from 'node:net';

import { EnginehouseError } from '../../base/errors.ts';
import { WATCH_DESCRIPTOR, type Exchanges, type Kind, type Reply } from './worker-protocol.ts';

const PROGRAM = new URL(import.meta.url.endsWith('.ts') ? './worker.ts' : './worker.js', import.meta.url);

interface Waiting {
  readonly answer: (message: unknown) => void;
  readonly fail: (reason: unknown) => void;
}

export class DatabaseWorker {
  /** Resolves when the process is gone. */
  readonly ended: Promise<void>;
  /** Whose files are open in it; `undefined` for nobody's. */
  client: symbol | undefined;
  readonly #process: ChildProcess;
  readonly #line: Waiting[] = [];
  /** The open files, the least recently used first, each with what to call when it is closed. */
  readonly #files = new Map<string, () => void>();
  #endReason: unknown;
  #alive = true;

  constructor() {
    this.#process = fork(PROGRAM, [], {
      serialization: 'advanced',
      // Nothing of this process is passed on: no secret in the environment, no loader, no debugger's port.
      env: {},
      execArgv: ['--disable-warning=ExperimentalWarning', '--max-old-space-size=512'],
      stdio: watched(['ignore', 'ignore', 'inherit', 'ipc']),
    });
    this.#process.on('message', (message: unknown) => this.#answered(message));
    this.ended = new Promise((resolve) => {
      const end = (why: string): void => {
        this.#end(why);
        resolve();
      };
      this.#process.once('exit', (code, signal) => end(signal ?? `code ${String(code)}`));
      this.#process.once('error', (error) => end(error.message));
    });
    this.#letProcessEnd();
  }

  get alive(): boolean {
    return this.#alive;
  }

  get pid(): number | undefined {
    return this.#process.pid;
  }

  get openFiles(): number {
    return this.#files.size;
  }

  request<K extends Kind>(kind: K, body: Exchanges[K]['request']): Promise<Reply<K>> {
    return new Promise((resolve, reject) => {
      if (!this.#alive) {
        reject(this.#endReason);
        return;
      }
      // A message that cannot be sent means that the process is ending: its 'exit' settles the line.
      this.#process.send({ kind, ...body }, () => undefined);
      // The parse boundary: nobody but our own worker speaks here, and it answers in order (D1).
      this.#line.push({ answer: (message) => resolve(message as Reply<K>), fail: reject });
      if (this.#line.length === 1) this.#process.channel?.ref();
    });
  }

  /** Ends the process and resolves when it is gone. The first reason stays. */
  kill(reason: unknown): Promise<void> {
    if (this.#alive) this.#endReason ??= reason;
    this.#process.kill('SIGKILL');
    return this.ended;
  }

  /** True when the file is open here; it is then the most recently used one. */
  touch(file: string): boolean {
    const closed = this.#files.get(file);
    if (closed === undefined) return false;
    this.#files.delete(file);
    this.#files.set(file, closed);
    return true;
  }

  has(file: string): boolean {
    return this.#files.has(file);
  }

  /** Notes that the file is open here. `closed` is called when it no longer is. */
  opened(file: string, closed: () => void): void {
    if (this.#alive) this.#files.set(file, closed);
    else closed();
  }

  /** Closes the file used longest ago. */
  async closeOldest(): Promise<void> {
    const [oldest] = this.#files.keys();
    if (oldest !== undefined) await this.close([oldest]);
  }

  /** Closes files, all of them unless told which. Resolves when the worker has, or is gone. */
  async close(files: readonly string[] = [...this.#files.keys()]): Promise<void> {
    const open = files.filter((file) => this.#files.has(file));
    if (open.length === 0) return;
    const closed = this.request('close', { files: open });
    for (const file of open) this.#forget(file);
    await closed.catch(() => undefined);
  }

  #answered(message: unknown): void {
    this.#line.shift()?.answer(message);
    if (this.#line.length === 0) this.#process.channel?.unref();
  }

  #end(why: string): void {
    const reason = `the database worker ended (${why})`;
    this.#endReason ??= new EnginehouseError('DATABASE_FAILED', reason, { sql: '', reason });
    this.#alive = false;
    for (const file of this.#files.keys()) this.#forget(file);
    for (const { fail } of this.#line.splice(0)) fail(this.#endReason);
  }

  #forget(file: string): void {
    const closed = this.#files.get(file);
    this.#files.delete(file);
    closed?.();
  }

  #letProcessEnd(): void {
    this.#process.unref();
    this.#process.channel?.unref();
    const watch = this.#process.stdio[WATCH_DESCRIPTOR];
    if (!(watch instanceof Socket)) return;
    watch.unref();
    // Nothing is sent over it; that it breaks when a worker is killed is its purpose.
    watch.on('error', () => undefined);
  }
}

function watched(stdio: readonly ('ignore' | 'inherit' | 'ipc')[]): ('ignore' | 'inherit' | 'ipc' | 'pipe')[] {
  return [...stdio, 'pipe'];
}
