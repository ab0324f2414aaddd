export interface JobQueueOptions {
  /** Jobs that may wait. @default 1_000 */
  readonly limit?: number;
  /** Is told of a job that failed. */
  readonly failed?: (name: string, error: unknown) => void;
}

interface Job {
  readonly name: string;
  readonly work: () => Promise<void>;
}

/** Work that goes on after an answer was given: one job after the other, in their order. */
export class JobQueue implements AsyncDisposable {
  readonly #options: JobQueueOptions;
  readonly #waiting: Job[] = [];
  #running: Promise<void> | undefined;
  #stopped = false;

  constructor(options: JobQueueOptions = {}) {
    this.#options = options;
  }

  /** Jobs that wait or run. */
  get size(): number {
    return this.#waiting.length + (this.#running === undefined ? 0 : 1);
  }

  /** @throws when the queue is full or stopped */
  add(name: string, work: () => Promise<void>): void {
    const { limit = 1_000 } = this.#options;
    if (this.#stopped) throw new Error(`the queue is stopped, ${name} came too late`);
    if (this.#waiting.length >= limit) throw new Error(`the queue is full: ${limit} jobs wait`);
    this.#waiting.push({ name, work });
    this.#running ??= this.#run();
  }

  /** Takes no more, and resolves when what waits is done. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#running;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  async #run(): Promise<void> {
    for (let job = this.#waiting.shift(); job !== undefined; job = this.#waiting.shift()) {
      const { name, work } = job;
      await work().catch((error: unknown) => this.#options.failed?.(name, error));
    }
    this.#running = undefined;
  }
}
