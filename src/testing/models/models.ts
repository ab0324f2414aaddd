/**
 * The models of one test: scripted, held and failing, as objects of the AI SDK.
 * They are a provider of it, so they go wherever a provider or a model goes.
 *
 *   M1. A model says what its script says, and nothing else: a call that no
 *       script answers is refused, and so is one that two would answer.
 *   M2. A refusal is kept: the test fails of it, also when the application
 *       catches the error. So does what was scripted and not used.
 *   M3. Everything belongs to this instance; time comes from its clock.
 */

import { NoSuchModelError, type LanguageModelV4CallOptions, type ProviderV4 } from '@ai-sdk/provider';
import { asyncScope } from '../../base/async-scope.ts';
import { systemClock, type Clock } from '../../base/clock.ts';
import { EnginehouseError, isEnginehouseError } from '../../base/errors.ts';
import { systemIds, type Ids } from '../../base/ids.ts';
import { LinkedSignal } from '../../base/linked-signal.ts';
import type { BusySource } from '../activity.ts';
import { Answering } from './answering.ts';
import { CallLog } from './call-log.ts';
import { Conversations, type TakenTurn } from './conversations.ts';
import { matches } from './expectation.ts';
import { historyOf, type History } from './history.ts';
import { ModelCall } from './model-call.ts';
import { ModelFaults, type ModelFailureOptions, type ModelFault } from './model-faults.ts';
import { ModelHold, ModelHolds, type HoldOptions, type HoldPlaces } from './model-holds.ts';
import { Origin } from '../origin.ts';
import type { ModelFailure } from './provider-failure.ts';
import { unexpected } from './script-errors.ts';
import { Script, type ScriptOptions } from './script.ts';
import { ScriptWriter } from './script-writer.ts';
import { ScriptedModel } from './scripted-model.ts';

export interface ModelsOptions {
  /** The time of calls and of paced answers. @default systemClock */
  readonly clock?: Clock | undefined;
  /** Where ids of tool calls come from. @default systemIds */
  readonly ids?: Ids | undefined;
  /** Is told every call, before it is answered: `calls` keeps only the last ones. */
  readonly onCall?: ((call: ModelCall) => void) | undefined;
}

/** Writes the turns of a model. */
export type WriteScript = (script: ScriptWriter) => ScriptWriter;

/** What a test says about models, for everyone or for one user. */
export interface ModelsFor {
  /**
   * What a model answers in its next conversation, and the one after with `times: 2`.
   *
   * @throws `CONFIG_INVALID`
   * @example
   * models.script('researcher', (s) => s.think('look it up').call('search', { q: 'otters' }).say('Otters hold hands.'));
   */
  script(model: string, write: WriteScript, options?: ScriptOptions): void;
  /** Stops an answer at a point: `models.hold('researcher').after.tokens(3)`. Without a name, that of any model. */
  hold(model?: string, options?: HoldOptions): HoldPlaces;
  /** Calls fail as with a real provider: `models.fail('429', { retryAfter: 20, times: 2 })`. @throws `CONFIG_INVALID` */
  fail(failure: ModelFailure, options?: ModelFailureOptions): ModelFault;
}

const MAX_REFUSED = 100;

export class Models implements ProviderV4, ModelsFor, BusySource, AsyncDisposable {
  readonly specificationVersion = 'v4';
  readonly name = 'model calls';
  readonly #options: ModelsOptions;
  readonly #clock: Clock;
  readonly #ids: Ids;
  readonly #models = new Map<string, ScriptedModel>();
  readonly #nth = new Map<string, number>();
  readonly #conversations = new Conversations();
  readonly #holds = new ModelHolds();
  readonly #faults = new ModelFaults();
  readonly #log = new CallLog();
  readonly #busy = { count: 0 };
  readonly #closing = new AbortController();
  #refused: EnginehouseError[] = [];

  constructor(options: ModelsOptions = {}) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#ids = options.ids ?? systemIds;
  }

  /** The model of this name, for `generateText({ model })` and the like. It may get its script later. */
  languageModel(name: string): ScriptedModel {
    const known = this.#models.get(name);
    if (known !== undefined) return known;
    const model = new ScriptedModel(name, (kind, options) => this.#ask(name, kind, options));
    this.#models.set(name, model);
    return model;
  }

  embeddingModel(modelId: string): never {
    throw new NoSuchModelError({ modelId, modelType: 'embeddingModel' });
  }

  imageModel(modelId: string): never {
    throw new NoSuchModelError({ modelId, modelType: 'imageModel' });
  }

  script(model: string, write: WriteScript, options: ScriptOptions = {}): void {
    this.#script({ model, write, options, userId: undefined }, new Origin(this.script));
  }

  hold(model?: string, options: HoldOptions = {}): HoldPlaces {
    return this.#hold({ model, options, userId: undefined }, new Origin(this.hold));
  }

  fail(failure: ModelFailure, options: ModelFailureOptions = {}): ModelFault {
    return this.#faults.arm({ failure, options, userId: undefined, origin: new Origin(this.fail) });
  }

  /** The same for calls from the runs of one user. */
  for({ id: userId }: { readonly id: string }): ModelsFor {
    const script: ModelsFor['script'] = (model, write, options = {}) =>
      this.#script({ model, write, options, userId }, new Origin(script));
    const hold: ModelsFor['hold'] = (model, options = {}) => this.#hold({ model, options, userId }, new Origin(hold));
    const fail: ModelsFor['fail'] = (failure, options = {}) =>
      this.#faults.arm({ failure, options, userId, origin: new Origin(fail) });
    return { script, hold, fail };
  }

  /** What models were asked, the oldest first: the last 1,000 calls, and 16 million characters of prompts. */
  get calls(): readonly ModelCall[] {
    return this.#log.calls;
  }

  /** Calls that are no longer in `calls`. */
  get callsDropped(): number {
    return this.#log.dropped;
  }

  /** What was scripted, failed or held, and did not come. Ready to be thrown: each is shown at the line that said it. */
  unused(): readonly EnginehouseError[] {
    return [...this.#conversations.unused(), ...this.#faults.unstruck(), ...this.#holds.unreached()];
  }

  /** M2: the refusals so far, the first hundred. They are given once: a test that provokes one takes it. */
  takeRefused(): readonly EnginehouseError[] {
    const refused = this.#refused;
    this.#refused = [];
    return refused;
  }

  /** Calls and streams that make something now. */
  busy(): number {
    return this.#busy.count;
  }

  /** Calls so far: one may be answered in the turn in which it is made. */
  begun(): number {
    return this.#log.count;
  }

  /** Ends what is under way and refuses further calls. */
  close(): Promise<void> {
    if (!this.#closing.signal.aborted) this.#closing.abort(closed());
    this.#holds.release();
    return Promise.resolve();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #ask(model: string, kind: ModelCall['kind'], options: LanguageModelV4CallOptions): Answering {
    if (this.#closing.signal.aborted) throw closed();
    const nth = (this.#nth.get(model) ?? 0) + 1;
    this.#nth.set(model, nth);
    const { userId, runId } = asyncScope.getStore() ?? {};
    const call = new ModelCall({ model, nth, kind, at: this.#clock.now(), userId, runId }, options);
    const history = historyOf(call.prompt);
    this.#log.add(call, history.characters);
    this.#options.onCall?.(call);
    options.abortSignal?.throwIfAborted();
    const cutAfter = this.#faults.strike(call);
    const taken = this.#take(call, history);
    const parents = options.abortSignal === undefined ? [] : [options.abortSignal];
    const link = new LinkedSignal([...parents, this.#closing.signal]);
    const deps = { clock: this.#clock, ids: this.#ids, holds: this.#holds, busy: this.#busy, refuse: this.#refuse };
    return new Answering({ call, taken, characters: history.characters, cutAfter, link }, deps);
  }

  #take(call: ModelCall, history: History): TakenTurn {
    try {
      const taken = this.#conversations.take(call, history);
      expectAll(taken, call);
      return taken;
    } catch (error) {
      this.#refuse(error);
      throw error;
    }
  }

  /** M2 */
  readonly #refuse = (error: unknown): void => {
    if (isEnginehouseError(error) && this.#refused.length < MAX_REFUSED) this.#refused.push(error);
  };

  #script(
    { model, write, options, userId }: Said & { write: WriteScript; options: ScriptOptions },
    origin: Origin,
  ): void {
    const { times = 1 } = options;
    if (times !== Infinity && !(Number.isInteger(times) && times > 0)) {
      const message = `times of a script must be a whole number from 1 up, or Infinity, got ${String(times)}`;
      throw new EnginehouseError('CONFIG_INVALID', message, { option: 'times', received: times });
    }
    const writer = new ScriptWriter();
    write(writer);
    const writtenAt = this.#conversations.tick();
    this.#conversations.add(new Script({ ...options, model, turns: writer.turns(), origin, writtenAt, userId }));
  }

  #hold(
    { model, options, userId }: Omit<Said, 'model'> & { model: string | undefined; options: HoldOptions },
    origin: Origin,
  ): HoldPlaces {
    const calls = (): readonly ModelCall[] => this.calls;
    return this.#holds.places(
      { model, origin },
      (point) => new ModelHold({ ...options, model, userId, point, origin, calls }),
    );
  }
}

interface Said {
  readonly model: string;
  readonly userId: string | undefined;
}

/** @throws `MODEL_CALL_UNEXPECTED` */
function expectAll({ turn, script }: TakenTurn, call: ModelCall): void {
  for (const expected of turn.expects) {
    let met: boolean;
    try {
      met = matches(expected, call);
    } catch (thrown) {
      throw unexpected(call, { expected, thrown }, script.origin);
    }
    if (!met) throw unexpected(call, { expected }, script.origin);
  }
}

function closed(): EnginehouseError<'CLOSED'> {
  return new EnginehouseError('CLOSED', 'the models of the test are closed', { what: 'models' });
}
