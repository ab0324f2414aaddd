import { constants } from 'node:os';

const SIGNALS = ['SIGINT', 'SIGTERM'] as const;

type StopSignal = (typeof SIGNALS)[number];

/** The first SIGINT or SIGTERM asks; a second one ends the process at once. */
export class StopSignals implements Disposable {
  readonly #abort = new AbortController();
  readonly #first = Promise.withResolvers<StopSignal>();
  #exitCode: number | undefined;

  constructor() {
    for (const name of SIGNALS) process.on(name, this.#stop);
  }

  /** Resolves with the first one. */
  get first(): Promise<StopSignal> {
    return this.#first.promise;
  }

  /** Aborts with the first one. */
  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /** What a process that was interrupted exits with; `undefined` as long as it was not. */
  get exitCode(): number | undefined {
    return this.#exitCode;
  }

  [Symbol.dispose](): void {
    for (const name of SIGNALS) process.off(name, this.#stop);
  }

  readonly #stop = (name: StopSignal): void => {
    const exitCode = 128 + constants.signals[name];
    if (this.#exitCode !== undefined) process.exit(exitCode);
    this.#exitCode = exitCode;
    this.#first.resolve(name);
    this.#abort.abort(new Error(`interrupted by ${name}`));
  };
}
