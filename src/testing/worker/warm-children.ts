/**
 * Processes of workers that have loaded the application and wait to be started:
 * loading takes most of a start, and a restart need not wait for it.
 */

import { EnginehouseError } from '../../base/errors.ts';
import { Scope } from '../../base/scope.ts';
import { WorkerChild, type ChildOptions } from './worker-child.ts';

/** Milliseconds in which a process that was killed is gone. */
const RELEASE_MS = 10_000;

export class WarmChildren implements AsyncDisposable {
  readonly #options: ChildOptions;
  readonly #most: number;
  readonly #warm: WorkerChild[] = [];
  readonly #used: WorkerChild[] = [];
  readonly #all = new Set<WorkerChild>();
  #expected = 0;
  #closed = false;

  /** `most` is how many wait at once. */
  constructor(options: ChildOptions, most = 1) {
    this.#options = options;
    this.#most = most;
  }

  /** So many more, or fewer, will be taken soon. */
  expect(count: number): void {
    this.#expected = Math.max(0, this.#expected + count);
    while (!this.#closed && this.#warm.length < Math.min(this.#expected, this.#most)) this.#warm.push(this.#spawn());
  }

  /** One that has loaded the application: one that served before, or the new one that waits longest. @throws `WORKER_FAILED` when it cannot load it */
  async take({ fresh = true }: { readonly fresh?: boolean } = {}): Promise<WorkerChild> {
    if (this.#closed) throw new EnginehouseError('CLOSED', 'the worker is closed', { what: 'worker' });
    const used = fresh ? undefined : this.#used.pop();
    if (used !== undefined) return used;
    const child = this.#warm.shift() ?? this.#spawn();
    this.expect(-1);
    await child.loaded;
    return child;
  }

  /** Takes one back that serves no more. */
  giveBack(child: WorkerChild): void {
    this.#used.push(child);
  }

  /** Kills all that live. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    const scope = new Scope('worker processes', { releaseTimeoutMs: RELEASE_MS });
    for (const child of this.#all) scope.own(`process ${child.pid}`, child);
    await scope.close();
  }

  #spawn(): WorkerChild {
    const child = new WorkerChild(this.#options);
    this.#all.add(child);
    void child.ended.then(() => this.#all.delete(child));
    return child;
  }
}
