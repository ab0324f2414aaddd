import type { ModelCall } from './model-call.ts';
import type { FinishReason, OtherContent, TurnUsage, TurnWriter } from './turn-writer.ts';

export type TurnPart =
  | { readonly type: 'reasoning' | 'text'; readonly text: string }
  /** `input` is JSON, unless it is a call that the model gets wrong. */
  | { readonly type: 'call'; readonly tool: string; readonly input: string; readonly wrong: boolean }
  | { readonly type: 'other'; readonly content: OtherContent };

/** Text in the last message, a pattern of it, or a question about the call. A function may also throw. */
export type Expectation = string | RegExp | ((call: ModelCall) => boolean | void);

/** Computes a turn: gives what to say, or writes the turn. */
export type Reply = (call: ModelCall, turn: TurnWriter) => Written | Promise<Written>;
type Written = string | TurnWriter;

/** One answer of a model, from its being asked to its end. */
export interface Turn {
  readonly parts: readonly TurnPart[];
  readonly reply: Reply | undefined;
  readonly expects: readonly Expectation[];
  readonly usage: TurnUsage | undefined;
  readonly finish: FinishReason | undefined;
  /** Milliseconds of the clock between tokens. */
  readonly paceMs: number;
}
