/**
 * What a script is written with.
 *
 *   W1. A turn is one answer of the model: thoughts, then words, then calls.
 *       What does not fit in that order begins the next turn.
 *   W2. A call ends its turn, because the caller comes back with the result. Calls
 *       of one turn are written as `calls([…])` or `call(…).also(…)`.
 */

import { inspect } from 'node:util';
import { EnginehouseError } from '../../base/errors.ts';
import { durationMs, type Duration } from '../duration.ts';
import type { Expectation, Reply, Turn, TurnPart } from './turn.ts';
import type { FinishReason, OtherContent, TurnUsage, TurnWriter } from './turn-writer.ts';

/** How far a turn has come. */
type Stage = 'empty' | 'thoughts' | 'words' | 'calls' | 'computed';

interface Draft {
  stage: Stage;
  readonly parts: TurnPart[];
  readonly expects: Expectation[];
  reply: Reply | undefined;
  usage: TurnUsage | undefined;
  finish: FinishReason | undefined;
  paceMs: number;
}

/** Writes the turns of a script, in the order the model is asked. */
export class ScriptWriter implements TurnWriter {
  readonly #drafts: Draft[] = [];
  #paceMs = 0;

  think(text: string): this {
    const draft = this.#openFor('thoughts', ['empty', 'thoughts']);
    draft.parts.push({ type: 'reasoning', text });
    return this;
  }

  say(text: string): this {
    const draft = this.#openFor('words', ['empty', 'thoughts']);
    draft.parts.push({ type: 'text', text });
    return this;
  }

  object(value: unknown): this {
    return this.say(json('object(…)', value));
  }

  call(tool: string, input: unknown = {}): this {
    return this.calls([[tool, input]]);
  }

  calls(calls: readonly (readonly [tool: string, input?: unknown])[]): this {
    if (calls.length === 0) throw invalid('calls', calls, 'calls([…]) needs a call or more');
    const draft = this.#openFor('calls', ['empty', 'thoughts', 'words']);
    for (const [tool, input = {}] of calls) draft.parts.push(callOf(tool, input));
    return this;
  }

  also(tool: string, input: unknown = {}): this {
    this.#draft('also', ['calls']).parts.push(callOf(tool, input));
    return this;
  }

  miscall(tool: string, input: string): this {
    const draft = this.#openFor('calls', ['empty', 'thoughts', 'words']);
    draft.parts.push({ type: 'call', tool, input, wrong: true });
    return this;
  }

  part(content: OtherContent): this {
    const draft = this.#openFor(undefined, ['empty', 'thoughts', 'words', 'calls']);
    if (draft.stage === 'empty') draft.stage = 'thoughts';
    draft.parts.push({ type: 'other', content });
    return this;
  }

  /** A turn that is computed from the call: give what to say, or write it with `turn`. */
  reply(answer: Reply): this {
    this.#openFor('computed', ['empty']).reply = answer;
    return this;
  }

  /** What the request of the turn that follows must hold. @throws, in the call, `MODEL_CALL_UNEXPECTED` */
  expecting(what: Expectation): this {
    this.#openFor(undefined, ['empty']).expects.push(what);
    return this;
  }

  usage(usage: TurnUsage): this {
    this.#draft('usage', ['thoughts', 'words', 'calls', 'computed']).usage = usage;
    return this;
  }

  finish(reason: FinishReason): this {
    this.#draft('finish', ['thoughts', 'words', 'calls', 'computed']).finish = reason;
    return this;
  }

  every(pace: Duration): this {
    this.#paceMs = durationMs(pace);
    const draft = this.#drafts.at(-1);
    if (draft !== undefined) draft.paceMs = this.#paceMs;
    return this;
  }

  /** Ends the turn, where the order of things would not. */
  turn(): this {
    if (this.#drafts.at(-1)?.stage !== 'empty') this.#begin();
    return this;
  }

  /** @throws `CONFIG_INVALID` when nothing was written, or the last turn is empty. @internal */
  turns(): readonly Turn[] {
    const drafts = this.#drafts.at(-1)?.stage === 'empty' ? this.#drafts.slice(0, -1) : this.#drafts;
    const promised = this.#drafts.at(-1)?.expects.length ?? 0;
    if (drafts.length === 0) throw invalid('script', 'nothing', 'a script needs a turn or more');
    if (drafts.length < this.#drafts.length && promised > 0)
      throw invalid('expecting', 'nothing', 'expecting(…) must be followed by what the model answers');
    return drafts.map(({ stage: _stage, ...turn }) => turn);
  }

  /** The turn under way if it is at one of `stages`, else a new one. */
  #openFor(next: Stage | undefined, stages: readonly Stage[]): Draft {
    const last = this.#drafts.at(-1);
    const draft = last !== undefined && stages.includes(last.stage) ? last : this.#begin();
    if (next !== undefined) draft.stage = next;
    return draft;
  }

  #begin(): Draft {
    const draft: Draft = {
      stage: 'empty',
      parts: [],
      expects: [],
      reply: undefined,
      usage: undefined,
      finish: undefined,
      paceMs: this.#paceMs,
    };
    this.#drafts.push(draft);
    return draft;
  }

  #draft(method: string, stages: readonly Stage[]): Draft {
    const draft = this.#drafts.at(-1);
    if (draft !== undefined && stages.includes(draft.stage)) return draft;
    throw invalid(
      method,
      draft?.stage ?? 'nothing',
      `${method}(…) belongs after ${stages.join(', ')} of the same turn`,
    );
  }
}

function callOf(tool: string, input: unknown): TurnPart {
  return { type: 'call', tool, input: json(`the input of ${tool}`, input), wrong: false };
}

function json(what: string, value: unknown): string {
  const text: unknown = JSON.stringify(value);
  if (typeof text === 'string') return text;
  throw invalid(what, value, `${what} must be JSON`);
}

function invalid(option: string, received: unknown, must: string): EnginehouseError<'CONFIG_INVALID'> {
  return new EnginehouseError(
    'CONFIG_INVALID',
    `${must}, got ${inspect(received, { depth: 1, breakLength: Infinity })}`,
    { option, received },
  );
}
