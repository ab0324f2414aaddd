import type { LanguageModelV4Content, LanguageModelV4FinishReason } from '@ai-sdk/provider';
import type { Duration } from '../duration.ts';

/** Content that a script gives as it is: sources, files, results of tools that the provider runs. */
export type OtherContent = Exclude<LanguageModelV4Content, { type: 'text' | 'reasoning' }>;

/** Tokens. What is not said is counted: words for the output, four characters each for the input. */
export interface TurnUsage {
  readonly input?: number;
  readonly output?: number;
  /** Of the input, what the provider read from its cache. */
  readonly cached?: number;
}

export type FinishReason = LanguageModelV4FinishReason['unified'];

/** Writes one answer of a model: thoughts, then words, then calls. */
export interface TurnWriter {
  /** Reasoning. */
  think(text: string): this;
  /** Text. */
  say(text: string): this;
  /** Structured output: the value as JSON text. */
  object(value: unknown): this;
  /** A call of a tool, which the request must offer. */
  call(tool: string, input?: unknown): this;
  /** Calls in parallel. */
  calls(calls: readonly (readonly [tool: string, input?: unknown])[]): this;
  /** One more call in the same turn. */
  also(tool: string, input?: unknown): this;
  /** A call as a model gets it wrong: a tool that is not offered, or an input that is not JSON or not what the tool takes. */
  miscall(tool: string, input: string): this;
  /** Content of the AI SDK as it is: a source, a file, the result of a tool that the provider runs. */
  part(content: OtherContent): this;
  /** The tokens that the turn costs. Comes after what it says. */
  usage(usage: TurnUsage): this;
  /** Why the turn ends. Comes after what it says. @default 'tool-calls' with calls, else 'stop' */
  finish(reason: FinishReason): this;
  /** The clock's time between tokens, from here on: for the turn before it and those after. */
  every(pace: Duration): this;
}
