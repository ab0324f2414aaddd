/**
 * The process's database workers, kept warm between runtimes: a test then does
 * not pay for the start of one. This pool and the factory pointer are the two
 * values of the house that are the process's and not a runtime's. It holds
 * workers, never data:
 *
 *   P1. A worker serves one client (one runtime's databases) at a time. It
 *       closes the files of one before it opens the first of another.
 *   P2. A client that closes leaves no file open; its workers stay, idle.
 *   P3. No more workers than the client with the highest limit asks for; who
 *       finds none waits, and is served in order.
 *   P4. Idle workers do not hold the process open, and end with it.
 */

import { DatabaseWorker } from './database-worker.ts';
import { orKilled, type Patience } from './patience.ts';

export interface WorkerWish {
  readonly client: symbol;
  /** A worker that has this file open is preferred. */
  readonly file: string;
  /** Workers that this client may see running. */
  readonly limit: number;
}

// Another copy of this module may have made the pool; it is used if it means the same by it.
const PROTOCOL = 1;
const KEY = Symbol.for('enginehouse.databaseWorkers');

export class WorkerPool {
  readonly protocol = PROTOCOL;
  readonly #workers = new Set<DatabaseWorker>();
  readonly #idle = new Set<DatabaseWorker>();
  readonly #line: ((worker: DatabaseWorker) => void)[] = [];

  /** The processes that run now, for a person who looks for them. */
  get pids(): readonly number[] {
    return [...this.#workers].flatMap(({ pid }) => (pid === undefined ? [] : [pid]));
  }

  /** Takes a worker out; it is given back with `release`. Rejects with the signal's reason when that aborts first. */
  async acquire(wish: WorkerWish, signal: AbortSignal): Promise<DatabaseWorker> {
    signal.throwIfAborted();
    const worker = this.#choose(wish) ?? (await this.#waitInLine(signal));
    this.#idle.delete(worker);
    if (worker.client !== wish.client) {
      // Its answer is not waited for: the worker closes them before whatever it is asked next.
      void worker.close();
      worker.client = wish.client;
    }
    return worker;
  }

  release(worker: DatabaseWorker): void {
    // One that ended left the pool by itself.
    if (!worker.alive) return;
    const admit = this.#line.shift();
    if (admit === undefined) this.#idle.add(worker);
    else admit(worker);
  }

  /** Closes one file of the client wherever it is open. */
  async closeFile(client: symbol, file: string, patience: Patience): Promise<void> {
    await Promise.all(
      this.#of(client).map((worker) => orKilled('closing a database', worker, patience, worker.close([file]))),
    );
  }

  /** Closes all files of a client that has no worker taken out. */
  async leave(client: symbol, patience: Patience): Promise<void> {
    const closing = this.#of(client).map((worker) => {
      worker.client = undefined;
      return orKilled('closing the databases', worker, patience, worker.close());
    });
    await Promise.all(closing);
  }

  #of(client: symbol): readonly DatabaseWorker[] {
    return [...this.#workers].filter((worker) => worker.client === client);
  }

  #choose({ client, file, limit }: WorkerWish): DatabaseWorker | undefined {
    const idle = [...this.#idle].filter(({ alive }) => alive);
    const own = idle.filter((worker) => worker.client === client);
    const warm = own.find((worker) => worker.has(file)) ?? own[0] ?? idle.find((worker) => worker.client === undefined);
    if (warm !== undefined) return warm;
    return this.#workers.size < limit ? this.#start() : idle[0];
  }

  #start(): DatabaseWorker {
    const worker = new DatabaseWorker();
    this.#workers.add(worker);
    void worker.ended.then(() => this.#ended(worker));
    return worker;
  }

  #ended(worker: DatabaseWorker): void {
    this.#workers.delete(worker);
    this.#idle.delete(worker);
    const admit = this.#line.shift();
    if (admit !== undefined) admit(this.#start());
  }

  #waitInLine(signal: AbortSignal): Promise<DatabaseWorker> {
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        this.#line.splice(this.#line.indexOf(admit), 1);
        reject(signal.reason);
      };
      const admit = (worker: DatabaseWorker): void => {
        signal.removeEventListener('abort', leave);
        resolve(worker);
      };
      signal.addEventListener('abort', leave, { once: true });
      this.#line.push(admit);
    });
  }
}

/** The pool of this process, made when it is first asked for. */
export function databaseWorkers(): WorkerPool {
  const known: unknown = Reflect.get(globalThis, KEY);
  if (isWorkerPool(known)) return known;
  const made = new WorkerPool();
  Reflect.set(globalThis, KEY, made);
  return made;
}

function isWorkerPool(value: unknown): value is WorkerPool {
  return typeof value === 'object' && value !== null && 'protocol' in value && value.protocol === PROTOCOL;
}
