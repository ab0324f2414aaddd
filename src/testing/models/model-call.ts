import type { LanguageModelV4CallOptions, LanguageModelV4Prompt } from '@ai-sdk/provider';
import { messageText, toolResults, type SeenToolResult } from './message-text.ts';

export type ModelTool = NonNullable<LanguageModelV4CallOptions['tools']>[number];
export type ModelSettings = Omit<LanguageModelV4CallOptions, 'prompt' | 'tools' | 'abortSignal'>;

interface ModelCallParts {
  readonly model: string;
  readonly nth: number;
  readonly kind: 'generate' | 'stream';
  readonly at: number;
  readonly userId: string | undefined;
  readonly runId: string | undefined;
}

/** What a model was asked. */
export class ModelCall {
  readonly model: string;
  /** Counted for each model, from 1. */
  readonly nth: number;
  readonly kind: 'generate' | 'stream';
  /** When, in the clock's time. */
  readonly at: number;
  /** Whose run asked; `undefined` outside a run. Correlation: it comes from the async scope that the engine enters. */
  readonly userId: string | undefined;
  /** Which run asked; `undefined` outside a run. */
  readonly runId: string | undefined;
  readonly prompt: LanguageModelV4Prompt;
  readonly tools: readonly ModelTool[];
  /** Temperature, headers, response format and all else that was asked for. */
  readonly settings: ModelSettings;

  /** @internal */
  constructor(parts: ModelCallParts, options: LanguageModelV4CallOptions) {
    const { prompt, tools = [], abortSignal: _notKept, ...settings } = options;
    this.model = parts.model;
    this.nth = parts.nth;
    this.kind = parts.kind;
    this.at = parts.at;
    this.userId = parts.userId;
    this.runId = parts.runId;
    this.prompt = prompt;
    this.tools = tools;
    this.settings = settings;
  }

  /** What the last message says, whoever it is from: text as it is, tool results as JSON. */
  get lastMessage(): string {
    const last = this.prompt.at(-1);
    return last === undefined ? '' : messageText(last);
  }

  /** What the user said last. */
  get lastUserMessage(): string {
    const last = this.prompt.findLast(({ role }) => role === 'user');
    return last === undefined ? '' : messageText(last);
  }

  /** What the tools gave back that the model called in its last turn. */
  get toolResults(): readonly SeenToolResult[] {
    return toolResults(this.prompt.at(-1));
  }

  get toolNames(): readonly string[] {
    return this.tools.map(({ name }) => name);
  }

  /** `call 3 of researcher ("what do otters eat?")` */
  get title(): string {
    return `call ${this.nth} of ${this.model} (${shortened(this.lastUserMessage)})`;
  }
}

const SHOWN_LENGTH = 80;

/** Quoted, on one line, and no longer than a line has room for. */
export function shortened(text: string): string {
  const line = text.replaceAll(/\s+/g, ' ').trim();
  return JSON.stringify(line.length > SHOWN_LENGTH ? `${line.slice(0, SHOWN_LENGTH)}…` : line);
}
