import { isDeepStrictEqual } from 'node:util';
import type { LanguageModelV4Prompt } from '@ai-sdk/provider';
import { canonicalJson } from '../../base/canonical-json.ts';
import { matches } from './expectation.ts';
import type { ModelCall } from './model-call.ts';
import { messageCalls, messageText } from './message-text.ts';
import type { Origin } from '../origin.ts';
import type { Expectation, Turn, TurnPart } from './turn.ts';

/** Which conversations take a script, and how many. */
export interface ScriptOptions {
  /** Conversations that run through it; `Infinity` for any number, none included. @default 1 */
  readonly times?: number | undefined;
  /** Only a conversation whose first call is like this: text in its last message, a pattern, or a question about it. */
  readonly when?: Expectation | undefined;
  /**
   * Takes calls in the order they come, whatever their prompts: for an application that does not give the model its
   * own earlier answers. @default false
   */
  readonly inOrder?: boolean | undefined;
}

interface ScriptParts extends ScriptOptions {
  readonly model: string;
  readonly turns: readonly Turn[];
  readonly origin: Origin;
  /** Counts what happens: what was written before which conversation began. */
  readonly writtenAt: number;
  readonly userId: string | undefined;
}

/** The turns that a model takes in one conversation, or in several. */
export class Script {
  readonly model: string;
  readonly turns: readonly Turn[];
  readonly origin: Origin;
  readonly writtenAt: number;
  readonly #parts: ScriptParts;
  /** When each user last took it. */
  readonly #takenAt = new Map<string, number>();
  #begun = 0;

  constructor(parts: ScriptParts) {
    this.model = parts.model;
    this.turns = parts.turns;
    this.origin = parts.origin;
    this.writtenAt = parts.writtenAt;
    this.#parts = parts;
  }

  /** Says for whom or for what it is. */
  get guarded(): boolean {
    return this.#parts.userId !== undefined || this.#parts.when !== undefined;
  }

  get available(): boolean {
    return this.#begun < this.times;
  }

  get times(): number {
    return this.#parts.times ?? 1;
  }

  get inOrder(): boolean {
    return this.#parts.inOrder ?? false;
  }

  /** Conversations that never began. */
  get missing(): number {
    return this.times - this.#begun;
  }

  /** Whether a conversation that begins with this call may take it. */
  accepts(call: ModelCall): boolean {
    const { userId, when } = this.#parts;
    return (userId === undefined || userId === call.userId) && (when === undefined || matches(when, call));
  }

  /** A conversation begins, for this user. `at` is when, as `writtenAt` counts. */
  begin({ userId }: ModelCall, at: number): void {
    this.#begun += 1;
    if (userId !== undefined) this.#takenAt.set(userId, at);
  }

  /** A user, not `userId`, who took it at `since` or later. */
  takenByOther(userId: string, since: number): string | undefined {
    for (const [taker, at] of this.#takenAt) if (taker !== userId && at >= since) return taker;
    return undefined;
  }

  /** Says the same as the other from these turns on, so that it does not matter which one is taken. */
  saysTheSame(other: Script, from = 0, otherFrom = 0): boolean {
    if (this === other) return from === otherFrom;
    return isDeepStrictEqual(this.turns.slice(from), other.turns.slice(otherFrom));
  }

  /**
   * How many of its turns end the prompt already: a conversation that began before this process did goes on where it
   * was. None when all of them do, because that is an earlier conversation.
   */
  turnsShownIn(prompt: LanguageModelV4Prompt): number {
    const said = prompt.filter(({ role }) => role === 'assistant').map(outlineOf);
    for (let shown = Math.min(this.turns.length - 1, said.length); shown > 0; shown -= 1) {
      const last = said.slice(-shown);
      if (last.every((outline, index) => isOutlineOf(outline, this.turns[index]))) return shown;
    }
    return 0;
  }
}

/** What a message of the model looks like: its words, and its calls. */
function outlineOf(message: LanguageModelV4Prompt[number]): string {
  return outline(messageText(message), messageCalls(message));
}

function isOutlineOf(said: string, turn: Turn | undefined): boolean {
  if (turn === undefined) return false;
  // Nobody knows what a computed turn said.
  if (turn.reply !== undefined) return true;
  const text = turn.parts.map((part) => (part.type === 'text' ? part.text : '')).join('');
  const calls = turn.parts.flatMap((part) => (part.type === 'call' ? [`${part.tool} ${canonicalInput(part)}`] : []));
  return said === outline(text.trim(), calls);
}

/** A call that the model gets wrong need not be JSON. */
function canonicalInput({ input, wrong }: Extract<TurnPart, { type: 'call' }>): string {
  return wrong ? input : canonicalJson(JSON.parse(input));
}

function outline(text: string, calls: readonly string[]): string {
  return JSON.stringify([text, calls]);
}
