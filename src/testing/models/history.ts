/**
 * What a prompt says about the conversation it belongs to.
 *
 * Only words count: what users and the model said, and the ids of the model's
 * last calls. Instructions, thoughts and tool traffic do not, because
 * applications rewrite, summarise and prune those between two calls.
 */

import { hash } from 'node:crypto';
import type { LanguageModelV4Prompt } from '@ai-sdk/provider';
import { messageText } from './message-text.ts';

export interface History {
  /** One for each beginning of what was said, the shortest first; the last one is the whole. */
  readonly keys: readonly string[];
  /** The tool calls of the model's last message. */
  readonly callIds: readonly string[];
  /** The size of what was read, instructions and tool results too. */
  readonly characters: number;
}

const EMPTY_KEY = '';

export function historyOf(prompt: LanguageModelV4Prompt): History {
  const keys: string[] = [];
  let callIds: readonly string[] = [];
  let characters = 0;
  for (const message of prompt) {
    const text = messageText(message);
    characters += text.length;
    if (message.role === 'assistant') {
      callIds = message.content.flatMap((part) => (part.type === 'tool-call' ? [part.toolCallId] : []));
    }
    if (message.role === 'user') keys.push(keyAfter(keys.at(-1), 'user', text));
    if (message.role === 'assistant' && text !== '') keys.push(keyAfter(keys.at(-1), 'assistant', text));
  }
  return { keys, callIds, characters };
}

/** The key of a history that goes on with what the model says now. */
export function keyAfterReply({ keys }: History, said: string): string {
  const whole = keys.at(-1) ?? EMPTY_KEY;
  return said === '' ? whole : keyAfter(whole, 'assistant', said);
}

function keyAfter(before: string = EMPTY_KEY, role: string, text: string): string {
  return hash('sha1', `${before}\n${role}\n${text}`, 'base64');
}
