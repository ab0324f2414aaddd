/**
 * One process of a worker, as the test's process sees it.
 *
 *   P1. Every order is answered, or fails: in its time, with the process's own
 *       error, or because the process ended. The last words of the process go
 *       with the failure.
 *   P2. `close()` always ends it: it is asked, and killed when it does not.
 */

import { fork, type ChildProcess } from 'node:child_process';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';

import { systemClock } from '../../base/clock.ts';
import { withDeadline } from '../../base/deadline.ts';
import { EnginehouseError, reviveError } from '../../base/errors.ts';
import {
  POINT_DESCRIPTOR,
  type AnswerMessage,
  type OrderMessage,
  type OrderName,
  type WorkerOrders,
  type WorkerPoint,
} from './worker-orders.ts';

const PROGRAM = new URL(
  import.meta.url.endsWith('.ts') ? './worker-process.ts' : './worker-process.js',
  import.meta.url,
);

const ORDER_MS = 30_000;
/** Characters of a process's output that are kept. */
const OUTPUT_KEPT = 4_000;
/** A process that was killed is gone within milliseconds. */
const DEATH_MS = 5_000;
const PIPES_MS = 500;

export interface ChildOptions {
  /** The file of the configuration. */
  readonly config: string;
  /** On top of this process's own environment. */
  readonly env: Readonly<Record<string, string>>;
}

/** How a process ended. */
export interface ChildEnd {
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
  /** Where it killed itself, when it was told to. */
  readonly point: WorkerPoint | undefined;
}

export class WorkerChild implements AsyncDisposable {
  /** Resolves when it has ended, however that came about. */
  readonly ended: Promise<ChildEnd>;
  /** Resolves once the application is loaded. */
  readonly loaded: Promise<unknown>;
  readonly #process: ChildProcess;
  readonly #waiting = new Map<number, PromiseWithResolvers<unknown>>();
  #orders = 0;
  #output = '';
  #point = '';
  #over = false;

  constructor({ config, env }: ChildOptions) {
    this.#process = fork(fileURLToPath(PROGRAM), [], {
      env: { ...process.env, ...env },
      execArgv: ['--disable-warning=ExperimentalWarning'],
      stdio: ['ignore', 'pipe', 'pipe', 'ipc', 'pipe'],
    });
    const { stdout, stderr, stdio } = this.#process;
    for (const stream of [stdout, stderr])
      hear(stream, (text) => (this.#output = (this.#output + text).slice(-OUTPUT_KEPT)));
    hear(stdio[POINT_DESCRIPTOR] as Readable | null, (text) => (this.#point += text));
    this.#process.on('message', (message) => this.#answered(message as AnswerMessage));
    this.ended = this.#end();
    this.loaded = this.ask('load', { config });
    this.loaded.catch(() => undefined);
  }

  get pid(): number {
    return this.#process.pid ?? 0;
  }

  get over(): boolean {
    return this.#over;
  }

  /** What it printed last. */
  get output(): string {
    return this.#output.trim();
  }

  /** Gives an order and resolves with its answer. @throws `WORKER_FAILED`, with the process's own error as its cause */
  async ask<Name extends OrderName>(
    name: Name,
    order: WorkerOrders[Name]['order'],
  ): Promise<WorkerOrders[Name]['answer']> {
    const id = (this.#orders += 1);
    const waiting = Promise.withResolvers<unknown>();
    this.#waiting.set(id, waiting);
    const message: OrderMessage<Name> = { id, name, order };
    if (this.#over) waiting.reject(new Error(this.how));
    else
      this.#process.send(message, (error) => {
        if (error !== null) waiting.reject(new Error(`it does not hear: ${error.message}`, { cause: error }));
      });
    try {
      const answer = await withDeadline(`"${name}"`, ORDER_MS, systemClock, waiting.promise);
      // The parse boundary: the answer was made by the same house, under this name.
      return answer as WorkerOrders[Name]['answer'];
    } catch (error) {
      throw this.failure(name, error);
    } finally {
      this.#waiting.delete(id);
    }
  }

  signal(signal: NodeJS.Signals): void {
    this.#process.kill(signal);
  }

  /** Kills it and waits until it is gone. */
  async kill(): Promise<void> {
    this.signal('SIGKILL');
    await withDeadline(`the end of process ${this.pid}`, DEATH_MS, systemClock, this.ended);
  }

  /** P2. @throws `DEADLINE` when it had to be killed, `WORKER_FAILED` when it ended with an error */
  async close(timeoutMs: number): Promise<void> {
    if (this.#over) return;
    this.signal('SIGTERM');
    try {
      const { exitCode } = await withDeadline(
        `process ${this.pid} of a worker, after SIGTERM,`,
        timeoutMs,
        systemClock,
        this.ended,
      );
      if (exitCode !== 0) throw this.failure('close', new Error(this.how));
    } finally {
      await this.kill();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#over) await this.kill();
  }

  /** What went wrong with it, with its last words. */
  failure(step: string, cause: unknown): EnginehouseError<'WORKER_FAILED'> {
    const reason = cause instanceof Error ? cause.message : String(cause);
    const { output } = this;
    const message = `the process of a worker failed at ${step}: ${reason}${output === '' ? '' : `\nIt said last:\n${output}`}`;
    const cure = cause instanceof EnginehouseError ? { cure: cause.cure } : {};
    return new EnginehouseError('WORKER_FAILED', message, { step, reason, output }, { cause, ...cure });
  }

  #answered(message: AnswerMessage): void {
    const waiting = this.#waiting.get(message.id);
    if ('error' in message) waiting?.reject(reviveError(message.error));
    else waiting?.resolve(message.answer);
  }

  async #end(): Promise<ChildEnd> {
    const child = this.#process;
    const { promise: exit, resolve: exited } = Promise.withResolvers<void>();
    const { promise: closed, resolve: close } = Promise.withResolvers<void>();
    child.once('exit', () => exited());
    child.once('close', () => close());
    child.once('error', (error) => {
      this.#output += error.message;
      if (child.pid === undefined) [exited, close].forEach((done) => done());
    });
    await exit;
    this.#over = true;
    for (const { reject } of this.#waiting.values()) reject(new Error(this.how));
    // What it printed last is in its pipes; a process of its own that lives on may hold them open.
    await withDeadline('its pipes', PIPES_MS, systemClock, closed).catch(() => undefined);
    for (const stream of child.stdio) stream?.destroy();
    const point = this.#point === '' ? undefined : (JSON.parse(this.#point) as WorkerPoint);
    return { exitCode: child.exitCode, signal: child.signalCode, point };
  }

  /** For a person: how it ended. */
  get how(): string {
    const { exitCode, signalCode } = this.#process;
    return `process ${this.pid} ended with ${signalCode ?? `code ${exitCode ?? 'unknown'}`}`;
  }
}

function hear(stream: Readable | null | undefined, heard: (text: string) => void): void {
  stream?.setEncoding('utf8').on('data', heard);
}
