/**
 * Owns what must be given back.
 *
 *   S1. A scope is closed once; later calls return the same promise.
 *   S2. Releases run one at a time, last acquired first, each with a name and a
 *       deadline. One that throws or hangs does not keep the rest from trying.
 *   S3. Every failure is kept: one is thrown as itself, several as an
 *       `AggregateError` whose message names each step.
 */

import { systemClock, type Clock } from './clock.ts';
import { withDeadline } from './deadline.ts';
import { EnginehouseError } from './errors.ts';

type Release = () => void | PromiseLike<void>;

export interface ScopeOptions {
  /** Milliseconds each release may take. @default 2_000 */
  readonly releaseTimeoutMs?: number;
  /** @default systemClock */
  readonly clock?: Clock;
}

export class Scope implements AsyncDisposable {
  readonly #name: string;
  readonly #timeoutMs: number;
  readonly #clock: Clock;
  readonly #releases: { readonly name: string; readonly release: Release; readonly timeoutMs: number }[] = [];
  #closing: Promise<void> | undefined;

  constructor(name: string, options: ScopeOptions = {}) {
    this.#name = name;
    this.#timeoutMs = options.releaseTimeoutMs ?? 2_000;
    this.#clock = options.clock ?? systemClock;
  }

  get closed(): boolean {
    return this.#closing !== undefined;
  }

  /** Takes ownership of `resource` and returns it. */
  own<R extends AsyncDisposable>(name: string, resource: R, timeoutMs?: number): R {
    this.defer(name, () => resource[Symbol.asyncDispose](), timeoutMs);
    return resource;
  }

  /**
   * Runs `release` when the scope closes.
   *
   * @throws `CLOSED` when the scope is already closing.
   */
  defer(name: string, release: Release, timeoutMs: number = this.#timeoutMs): void {
    if (this.#closing !== undefined) {
      throw new EnginehouseError('CLOSED', `${this.#name} is closed, ${name} came too late`, { what: this.#name });
    }
    this.#releases.push({ name, release, timeoutMs });
  }

  /**
   * Releases everything, last acquired first.
   *
   * @throws the release's own error when one failed, an `AggregateError` when several did.
   */
  close(): Promise<void> {
    // Not begun at once: a release may ask for this very promise, or come too late with one of its own.
    return (this.#closing ??= Promise.resolve().then(() => this.#releaseAll()));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #releaseAll(): Promise<void> {
    const failures: unknown[] = [];
    const names: string[] = [];
    for (const { name, release, timeoutMs } of this.#releases.splice(0).toReversed()) {
      try {
        const what = `closing ${name} of ${this.#name}`;
        await withDeadline(what, timeoutMs, this.#clock, Promise.resolve(release()));
      } catch (error) {
        failures.push(error);
        names.push(name);
      }
    }
    if (failures.length === 1) throw failures[0];
    if (failures.length > 1) {
      throw new AggregateError(failures, `${this.#name} did not close cleanly: ${names.join(', ')}`);
    }
  }
}
