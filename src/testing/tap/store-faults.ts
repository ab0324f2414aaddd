/**
 * What a test lets go wrong in a real store: a call that fails with the errors
 * that the real store gives, or one that is held until the test lets it go.
 *
 *   F1. A call that fails was not made; after `durable` it was made, and only
 *       its answer is an error.
 *   F2. Every fault counts the calls that it is about, from when it was said.
 *       What strikes the same call strikes it in the order it was said.
 *   F3. A fault that did not strike as often as it was told to is a test that
 *       does not test: `unstruck` names it with the line that said it.
 */

import { EnginehouseError } from '../../base/errors.ts';
import type { EventType } from '../../context/event.ts';
import type { Owner, UserId } from '../../context/ids.ts';
import { ArmedFault, type FaultAim } from './armed-fault.ts';
import { STORE_OPERATIONS, type StoreCall, type StoreOperation } from './store-call.ts';
import { checkFailure, storeFailure, type StoreFailureCode } from './store-failure.ts';

/** Which calls of an operation a fault is about. */
export interface StoreFaultOptions {
  /** Which of them, counted from now. From 1. @default 1 */
  readonly nth?: number | undefined;
  /** Only those that add an event of one of these types to a log. */
  readonly types?: readonly EventType[] | undefined;
  /** Only those of one user of the test, or of one owner. @default everybody's */
  readonly owner?: Owner | { readonly id: UserId } | undefined;
  /** Strikes once the write is durable, so that only the answer is late or an error. @default before it is made */
  readonly after?: 'durable' | undefined;
}

export interface StoreFailureOptions extends StoreFaultOptions {
  /** How many calls in a row fail; `Infinity` until it is stopped. @default 1 */
  readonly times?: number | undefined;
  /** `LEASE_LOST` and `LOG_CONFLICT` are an append's; any other error is thrown as it is. @default 'STORE_FAILED' */
  readonly error?: StoreFailureCode | Error | undefined;
}

/** A failure that was asked for. Disposing stops it. */
export interface StoreFault extends Disposable {
  /** Resolves when it strikes for the first time. @throws `FAULT_NOT_STRUCK` after 10 s */
  readonly struck: Promise<void>;
  /** How often it has struck. */
  readonly strikes: number;
  /** Strikes no more. */
  stop(): void;
}

/** A call that is to be held. Disposing releases it. */
export interface StoreHold extends Disposable {
  /** Resolves when the call is held. @throws `FAULT_NOT_STRUCK` after 10 s */
  readonly reached: Promise<void>;
  /** Lets the call go on, or through when it has not come yet. */
  release(): void;
}

/** `chaos.store`. Operations are named after the store's ports; see `StoreOperation`. */
export interface StoreChaos {
  /**
   * @throws `CONFIG_INVALID` for what is no operation of the store, or cannot happen there
   * @example
   * chaos.store.fail('append', { types: ['tool_completed'], after: 'durable' });
   */
  fail(operation: StoreOperation, options?: StoreFailureOptions): StoreFault;
  /**
   * Holds one call. Time that the test moves goes on meanwhile: a held call is not under way.
   *
   * @throws `CONFIG_INVALID`
   */
  hold(operation: StoreOperation, options?: StoreFaultOptions): StoreHold;
  /** Stops every failure and releases every hold. */
  heal(): void;
}

interface FaultsParts {
  /** Whose calls may be struck. @default everybody's, and nobody's */
  readonly concerns?: ((owner: Owner) => boolean) | undefined;
  readonly closed?: (() => void) | undefined;
}

const NONE: readonly ArmedFault[] = [];

/** The faults of one test. */
export class StoreFaults implements StoreChaos, Disposable {
  readonly #parts: FaultsParts;
  readonly #said: ArmedFault[] = [];
  readonly #armed = new Set<ArmedFault>();

  constructor(parts: FaultsParts = {}) {
    this.#parts = parts;
  }

  fail(operation: StoreOperation, options: StoreFailureOptions = {}): StoreFault {
    const { error = 'STORE_FAILED', times = 1 } = options;
    checkFailure(operation, error);
    const act = (call: StoreCall): never => {
      throw storeFailure(call, error);
    };
    const fault = this.#arm(new ArmedFault({ aim: aimOf(operation, { ...options, times }), act, saidBy: this.fail }));
    return {
      get struck() {
        return fault.struck;
      },
      get strikes() {
        return fault.strikes;
      },
      stop: () => this.#stop(fault),
      [Symbol.dispose]: () => this.#stop(fault),
    };
  }

  hold(operation: StoreOperation, options: StoreFaultOptions = {}): StoreHold {
    const released = Promise.withResolvers<void>();
    const fault = this.#arm(
      new ArmedFault({
        aim: aimOf(operation, options),
        act: () => released.promise,
        saidBy: this.hold,
        onStop: released.resolve,
      }),
    );
    return {
      get reached() {
        return fault.struck;
      },
      release: () => this.#stop(fault),
      [Symbol.dispose]: () => this.#stop(fault),
    };
  }

  heal(): void {
    for (const fault of this.#said) this.#stop(fault);
  }

  /** F3. Ready to be thrown: each names its fault, and its stack begins where the test said it. */
  unstruck(): readonly EnginehouseError[] {
    return this.#said.filter((fault) => !fault.fulfilled).map((fault) => fault.notStruck());
  }

  /** Heals, and strikes nothing more. */
  [Symbol.dispose](): void {
    this.heal();
    this.#parts.closed?.();
  }

  /** What strikes this call, in the order it was said. @internal */
  strike(call: StoreCall): readonly ArmedFault[] {
    if (this.#armed.size === 0 || !this.#concerns(call)) return NONE;
    return [...this.#armed].filter((fault) => {
      const strikes = fault.strikesAt(call);
      if (fault.over) this.#armed.delete(fault);
      return strikes;
    });
  }

  #concerns({ owner }: StoreCall): boolean {
    const { concerns } = this.#parts;
    return concerns === undefined || (owner !== undefined && concerns(owner));
  }

  #arm(fault: ArmedFault): ArmedFault {
    this.#said.push(fault);
    this.#armed.add(fault);
    return fault;
  }

  #stop(fault: ArmedFault): void {
    this.#armed.delete(fault);
    fault.stop();
  }
}

/** @throws `CONFIG_INVALID` */
function aimOf(operation: StoreOperation, options: StoreFailureOptions): FaultAim {
  const { nth = 1, times = 1, types, owner, after } = options;
  const known = Object.keys(STORE_OPERATIONS);
  if (!known.includes(operation)) throw invalid('operation', operation, `must be one of ${known.join(', ')}`);
  if (!Number.isInteger(nth) || nth < 1) throw invalid('nth', nth, 'must be a whole number from 1 up');
  if (times !== Infinity && (!Number.isInteger(times) || times < 1))
    throw invalid('times', times, 'must be a whole number from 1 up, or Infinity');
  if (after !== undefined && STORE_OPERATIONS[operation] === 'reads')
    throw invalid('after', after, `cannot be asked of ${operation}, which writes nothing`);
  if (types !== undefined && operation !== 'append' && operation !== 'accept')
    throw invalid('types', types, `cannot be asked of ${operation}, which adds no events`);
  return { operation, nth, times, types, owner, after };
}

function invalid(option: string, received: unknown, must: string): EnginehouseError<'CONFIG_INVALID'> {
  const message = `the fault's ${option} ${must}, got ${JSON.stringify(received)}`;
  return new EnginehouseError('CONFIG_INVALID', message, { option, received });
}
