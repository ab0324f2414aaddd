import { EnginehouseError } from '../../base/errors.ts';
import type { ModelCall } from './model-call.ts';
import type { Origin } from '../origin.ts';
import { MODEL_FAILURES, providerFailure, type ModelFailure } from './provider-failure.ts';

export interface ModelFailureOptions {
  /** @default every model */
  readonly model?: string | undefined;
  /** Calls in a row that fail; `Infinity` until it is stopped. @default 1 */
  readonly times?: number | undefined;
  /** Seconds until the provider wants to be asked again, as its header says. @default no such header */
  readonly retryAfter?: number | undefined;
  /** With 'cut': the tokens that are answered before the connection is lost. @default 1 */
  readonly afterTokens?: number | undefined;
}

/** A failure that was asked for. Disposing stops it. */
export interface ModelFault extends Disposable {
  /** Calls that have failed. */
  readonly strikes: number;
  /** Fails no more. */
  stop(): void;
}

interface FaultParts {
  readonly failure: ModelFailure;
  readonly options: ModelFailureOptions;
  readonly userId: string | undefined;
  readonly origin: Origin;
}

class ArmedModelFault implements ModelFault {
  readonly #parts: FaultParts;
  #strikes = 0;
  #stopped = false;

  constructor(parts: FaultParts) {
    this.#parts = parts;
  }

  get strikes(): number {
    return this.#strikes;
  }

  get over(): boolean {
    return this.#stopped || this.#strikes >= this.#times;
  }

  stop(): void {
    this.#stopped = true;
  }

  [Symbol.dispose](): void {
    this.stop();
  }

  isAbout(call: ModelCall): boolean {
    const { options, userId } = this.#parts;
    if (this.over || (userId !== undefined && userId !== call.userId)) return false;
    return options.model === undefined || options.model === call.model;
  }

  /** Tokens after which the answer is cut. @throws the provider's error for all but 'cut' */
  strike(call: ModelCall): number {
    this.#strikes += 1;
    const { failure, options } = this.#parts;
    if (failure === 'cut') return options.afterTokens ?? 1;
    const { retryAfter } = options;
    throw providerFailure(call, failure, retryAfter === undefined ? undefined : retryAfter * 1_000);
  }

  notStruck(): EnginehouseError<'FAULT_NOT_STRUCK'> | undefined {
    const fulfilled = this.#strikes > 0 && (this.#stopped || this.#times === Infinity);
    if (fulfilled || this.#strikes === this.#times) return undefined;
    const { failure, options, origin } = this.#parts;
    const fault = `${failure} of ${options.model ?? 'any model'}`;
    const message = `the failure ${fault} came ${this.#strikes} of ${this.#times} times (asked for at ${origin.line})`;
    return origin.error('FAULT_NOT_STRUCK', message, { fault, strikes: this.#strikes, times: this.#times });
  }

  get #times(): number {
    return this.#parts.options.times ?? 1;
  }
}

/** The failures of one test, in the order they were asked for. */
export class ModelFaults {
  readonly #faults: ArmedModelFault[] = [];

  /** @throws `CONFIG_INVALID` */
  arm(parts: FaultParts): ModelFault {
    check(parts.failure, parts.options);
    const fault = new ArmedModelFault(parts);
    this.#faults.push(fault);
    return fault;
  }

  /** Tokens after which this call is cut; `undefined` when it is not. @throws the provider's error */
  strike(call: ModelCall): number | undefined {
    return this.#faults.find((fault) => fault.isAbout(call))?.strike(call);
  }

  unstruck(): readonly EnginehouseError<'FAULT_NOT_STRUCK'>[] {
    return this.#faults.flatMap((fault) => fault.notStruck() ?? []);
  }
}

function check(
  failure: string,
  { times = 1, retryAfter = 0, afterTokens = 1, model = 'any' }: ModelFailureOptions,
): void {
  if (!MODEL_FAILURES.includes(failure)) throw invalid('failure', failure, `one of ${MODEL_FAILURES.join(', ')}`);
  if (times !== Infinity && !(Number.isInteger(times) && times > 0))
    throw invalid('times', times, 'a whole number from 1 up, or Infinity');
  if (!(retryAfter >= 0 && retryAfter < Infinity)) throw invalid('retryAfter', retryAfter, 'seconds from 0 up');
  if (!(Number.isInteger(afterTokens) && afterTokens >= 0))
    throw invalid('afterTokens', afterTokens, 'a whole number from 0 up');
  if (model === '') throw invalid('model', model, 'a name');
}

function invalid(option: string, received: unknown, must: string): EnginehouseError<'CONFIG_INVALID'> {
  const message = `${option} of a model’s failure must be ${must}, got ${JSON.stringify(received) ?? String(received)}`;
  return new EnginehouseError('CONFIG_INVALID', message, { option, received });
}
