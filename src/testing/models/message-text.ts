import type { LanguageModelV4Message, LanguageModelV4ToolResultOutput } from '@ai-sdk/provider';
import { canonicalJson } from '../../base/canonical-json.ts';

/** The tool results of a message, for a reply that is computed from them. */
export interface SeenToolResult {
  readonly tool: string;
  readonly callId: string;
  /** What the tool gave back, as JSON or as text. */
  readonly output: unknown;
}

/** What a message says, in words: text as it is, tool results as JSON, files by their type. */
export function messageText(message: LanguageModelV4Message): string {
  switch (message.role) {
    case 'system':
      return message.content;
    case 'user':
      return message.content.map((part) => (part.type === 'text' ? part.text : fileText(part))).join('\n');
    case 'assistant':
      return saidText(message.content);
    case 'tool':
      return toolResults(message)
        .map(({ output }) => (typeof output === 'string' ? output : JSON.stringify(output)))
        .join('\n');
  }
}

/** The words of an assistant's message, without what it thought and called. */
export function saidText(content: readonly { readonly type: string; readonly text?: string }[]): string {
  const texts = content.flatMap((part) => (part.type === 'text' && part.text !== undefined ? [part.text] : []));
  return texts.join('').trim();
}

export function toolResults(message: LanguageModelV4Message | undefined): readonly SeenToolResult[] {
  if (message?.role !== 'tool') return [];
  return message.content.flatMap((part) =>
    part.type === 'tool-result'
      ? [{ tool: part.toolName, callId: part.toolCallId, output: outputValue(part.output) }]
      : [],
  );
}

function outputValue(output: LanguageModelV4ToolResultOutput): unknown {
  return output.type === 'execution-denied' ? `denied: ${output.reason ?? 'no reason'}` : output.value;
}

type FilePart = Extract<Extract<LanguageModelV4Message, { role: 'user' }>['content'][number], { type: 'file' }>;

function fileText({ mediaType, filename = '', data }: FilePart): string {
  switch (data.type) {
    case 'url':
      return `[${mediaType} ${data.url.href}]`;
    case 'text':
      return `[${mediaType} ${filename}] ${data.text}`;
    case 'data':
      return `[${mediaType} ${filename} ${data.data.length}]`;
    case 'reference':
      return `[${mediaType} ${JSON.stringify(data.reference)}]`;
  }
}

/** The tool calls of a message of the model, as `name input`, whatever the order of keys. */
export function messageCalls(message: LanguageModelV4Message): readonly string[] {
  if (message.role !== 'assistant') return [];
  return message.content.flatMap((part) =>
    part.type === 'tool-call' ? [`${part.toolName} ${canonicalJson(part.input)}`] : [],
  );
}
