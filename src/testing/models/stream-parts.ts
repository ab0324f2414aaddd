import type {
  LanguageModelV4Content,
  LanguageModelV4ResponseMetadata,
  LanguageModelV4StreamPart,
} from '@ai-sdk/provider';
import { inputTokensOf, tokensOf, type Answer } from './answer.ts';

type Part = LanguageModelV4StreamPart;

/** What is waited for on the way; each may throw, and that ends the answer. */
export interface StreamCourse {
  beforeToken(): Promise<void>;
  afterToken(): Promise<void>;
  afterCall(tool: string): Promise<void>;
  beforeFinish(): Promise<void>;
}

/** An answer as a provider streams it. */
export async function* streamParts(
  answer: Answer,
  response: LanguageModelV4ResponseMetadata,
  course: StreamCourse,
): AsyncGenerator<Part, void, undefined> {
  yield { type: 'stream-start', warnings: [] };
  yield { type: 'response-metadata', ...response };
  for (const [index, content] of answer.content.entries()) yield* contentParts(content, String(index), course);
  await course.beforeFinish();
  yield { type: 'finish', usage: answer.usage, finishReason: answer.finishReason };
}

async function* contentParts(content: LanguageModelV4Content, id: string, course: StreamCourse): AsyncGenerator<Part> {
  switch (content.type) {
    case 'text':
      yield { type: 'text-start', id };
      yield* deltas(tokensOf(content.text), (delta) => ({ type: 'text-delta', id, delta }), course);
      yield { type: 'text-end', id };
      return;
    case 'reasoning':
      yield { type: 'reasoning-start', id };
      yield* deltas(tokensOf(content.text), (delta) => ({ type: 'reasoning-delta', id, delta }), course);
      yield { type: 'reasoning-end', id };
      return;
    case 'tool-call':
      yield* callParts(content, course);
      return;
    default:
      yield content;
  }
}

type ToolCall = Extract<LanguageModelV4Content, { type: 'tool-call' }>;

async function* callParts(call: ToolCall, course: StreamCourse): AsyncGenerator<Part> {
  const { toolCallId: id, toolName, input, providerExecuted, dynamic } = call;
  yield {
    type: 'tool-input-start',
    id,
    toolName,
    ...(providerExecuted === undefined ? {} : { providerExecuted }),
    ...(dynamic === undefined ? {} : { dynamic }),
  };
  yield* deltas(inputTokensOf(input), (delta) => ({ type: 'tool-input-delta', id, delta }), course);
  yield { type: 'tool-input-end', id };
  yield call;
  await course.afterCall(toolName);
}

async function* deltas(
  tokens: readonly string[],
  part: (delta: string) => Part,
  course: StreamCourse,
): AsyncGenerator<Part> {
  for (const token of tokens) {
    await course.beforeToken();
    yield part(token);
    await course.afterToken();
  }
}
