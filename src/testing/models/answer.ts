import type { LanguageModelV4Content, LanguageModelV4FinishReason, LanguageModelV4Usage } from '@ai-sdk/provider';
import { EnginehouseError } from '../../base/errors.ts';
import type { Ids } from '../../base/ids.ts';
import { saidText } from './message-text.ts';
import type { ModelCall } from './model-call.ts';
import type { Origin } from '../origin.ts';
import { toolNotOffered } from './script-errors.ts';
import { ScriptWriter } from './script-writer.ts';
import type { Turn, TurnPart } from './turn.ts';
import type { TurnUsage } from './turn-writer.ts';

/** What a model answers to one call. Whole or as a stream, it is made of this. */
export interface Answer {
  readonly content: readonly LanguageModelV4Content[];
  readonly finishReason: LanguageModelV4FinishReason;
  readonly usage: LanguageModelV4Usage;
  readonly paceMs: number;
  /** The words of it, and its calls: the conversation is known by them. */
  readonly said: string;
  readonly callIds: readonly string[];
}

export interface AnswerContext {
  readonly call: ModelCall;
  readonly ids: Ids;
  readonly origin: Origin;
  /** The size of the prompt. */
  readonly characters: number;
}

/** @throws `MODEL_CALL_UNEXPECTED` when the turn calls a tool that is not offered, and what a computed turn throws */
export async function answerOf(turn: Turn, context: AnswerContext): Promise<Answer> {
  const { parts, usage, finish, paceMs } =
    turn.reply === undefined ? turn : await computed(turn, turn.reply, context.call);
  const content = parts.map((part) => contentOf(part, context));
  const callIds = content.flatMap((part) => (part.type === 'tool-call' ? [part.toolCallId] : []));
  const waits = content.some((part) => part.type === 'tool-call' && part.providerExecuted !== true);
  const unified = finish ?? (waits ? 'tool-calls' : 'stop');
  return {
    content,
    finishReason: { unified, raw: unified },
    usage: usageOf(usage, content, context.characters),
    paceMs,
    said: saidText(content),
    callIds,
  };
}

/** Tokens, as they are streamed: words with the white space before them. */
export function tokensOf(text: string): readonly string[] {
  return text.match(/\s*\S+|\s+$/g) ?? [];
}

/** Tokens of a call's input. */
export function inputTokensOf(json: string): readonly string[] {
  return json.match(/.{1,8}/gsu) ?? [];
}

async function computed(turn: Turn, reply: NonNullable<Turn['reply']>, call: ModelCall): Promise<Turn> {
  const writer = new ScriptWriter();
  const written = await reply(call, writer);
  const turns = (typeof written === 'string' ? writer.say(written) : writer).turns();
  const [only] = turns;
  if (only === undefined || turns.length > 1 || only.reply !== undefined) {
    const message = `reply(…) gives one turn, a text or what it writes with \`turn\`, got ${turns.length} turns for ${call.title}`;
    throw new EnginehouseError('CONFIG_INVALID', message, { option: 'reply', received: turns.length });
  }
  const { usage = turn.usage, finish = turn.finish, paceMs } = only;
  return { ...only, usage, finish, paceMs: paceMs || turn.paceMs };
}

function contentOf(part: TurnPart, { call, ids, origin }: AnswerContext): LanguageModelV4Content {
  switch (part.type) {
    case 'reasoning':
    case 'text':
      return { type: part.type, text: part.text };
    case 'other':
      return part.content;
    case 'call':
      if (!part.wrong && !call.toolNames.includes(part.tool)) throw toolNotOffered(call, part.tool, origin);
      return { type: 'tool-call', toolCallId: `call-${ids.next()}`, toolName: part.tool, input: part.input };
  }
}

const CHARACTERS_PER_TOKEN = 4;

function usageOf(
  said: TurnUsage = {},
  content: readonly LanguageModelV4Content[],
  characters: number,
): LanguageModelV4Usage {
  const { input = Math.ceil(characters / CHARACTERS_PER_TOKEN), cached = 0 } = said;
  const reasoning = count(content, 'reasoning');
  const { output = reasoning + count(content, 'text') + count(content, 'tool-call') } = said;
  return {
    inputTokens: { total: input, noCache: input - cached, cacheRead: cached, cacheWrite: 0 },
    outputTokens: { total: output, text: Math.max(0, output - reasoning), reasoning: Math.min(reasoning, output) },
  };
}

function count(content: readonly LanguageModelV4Content[], type: 'reasoning' | 'text' | 'tool-call'): number {
  let tokens = 0;
  for (const part of content) {
    if (part.type !== type) continue;
    tokens += part.type === 'tool-call' ? inputTokensOf(part.input).length : tokensOf(part.text).length;
  }
  return tokens;
}
