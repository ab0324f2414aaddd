import { EnginehouseError } from '../../base/errors.ts';
import type { Conversation } from './conversation.ts';
import { shownExpectation } from './expectation.ts';
import { shortened, type ModelCall } from './model-call.ts';
import type { Origin } from '../origin.ts';
import type { Script } from './script.ts';
import type { Expectation } from './turn.ts';

export function unknownModel(call: ModelCall, known: readonly string[]): EnginehouseError<'MODEL_UNKNOWN'> {
  const others = known.length === 0 ? 'no model has one' : `those with one are ${known.join(', ')}`;
  const message = `${call.title} was refused: ${call.model} has no script, and ${others}`;
  return new EnginehouseError('MODEL_UNKNOWN', message, { model: call.model, known });
}

interface Exhausted {
  readonly scripts: readonly Script[];
  /** The conversation that the call goes on with, whose script has ended. */
  readonly before: Conversation | undefined;
  /** Conversations that have turns left. */
  readonly waiting: number;
}

export function exhausted(call: ModelCall, state: Exhausted): EnginehouseError<'MODEL_SCRIPT_EXHAUSTED'> {
  const origin = (state.before?.script ?? state.scripts.at(-1))?.origin;
  const writtenAt = origin?.line ?? 'an unknown line';
  const message = `${call.title} has no script left (${whyExhausted(state)})`;
  const details = { model: call.model, call: call.nth, lastUserMessage: call.lastUserMessage.slice(0, 500), writtenAt };
  if (origin === undefined) return new EnginehouseError('MODEL_SCRIPT_EXHAUSTED', message, details);
  return origin.error('MODEL_SCRIPT_EXHAUSTED', message, details);
}

function whyExhausted({ scripts, before, waiting }: Exhausted): string {
  if (before !== undefined) {
    const { turns, origin } = before.script;
    return `its conversation has used all ${turns.length} turns of the one written at ${origin.line}`;
  }
  const lines = scripts.slice(-5).map(({ origin }) => origin.line);
  const parts = [`${scripts.length} written at ${lines.join(' and ')}`];
  const others = scripts.filter(({ available }) => available).length;
  if (others > 0) parts.push(`${others} of them for another user or other words`);
  if (waiting > 0) parts.push(`${waiting} with turns left for a prompt that holds what the model said before`);
  return parts.join('; ');
}

/** What a test did not ask for; `undefined` when it asked for all, or any number is right. */
export function leftOver(script: Script, waiting: readonly Conversation[]): string | undefined {
  const { times, missing, turns } = script;
  if (times === Infinity) return undefined;
  const parts = waiting.map(({ asked, lastCall }) => {
    const last = lastCall === undefined ? '' : `, the last by ${lastCall.title}`;
    return `${asked} of ${turns.length} turns were asked for${last}`;
  });
  if (missing > 0)
    parts.push(times === 1 ? 'it was never asked for' : `${missing} of ${times} conversations never began`);
  return parts.length === 0 ? undefined : parts.join('; ');
}

export function ambiguousConversation(
  call: ModelCall,
  one: Conversation,
  other: Conversation,
): EnginehouseError<'MODEL_SCRIPT_AMBIGUOUS'> {
  const reason = 'its prompt goes on with two conversations that are the same up to here and differ from here on';
  return ambiguous(call, reason, one.script, other.script);
}

export function ambiguousScript(
  call: ModelCall,
  one: Script,
  other: Script,
): EnginehouseError<'MODEL_SCRIPT_AMBIGUOUS'> {
  const reason = 'two users take differing scripts that say for nobody, so that who comes first decides';
  return ambiguous(call, reason, one, other);
}

function ambiguous(
  call: ModelCall,
  reason: string,
  one: Script,
  other: Script,
): EnginehouseError<'MODEL_SCRIPT_AMBIGUOUS'> {
  const writtenAt = [one.origin.line, other.origin.line];
  const message = `${call.title} was refused: ${reason} (written at ${writtenAt.join(' and ')})`;
  return one.origin.error('MODEL_SCRIPT_AMBIGUOUS', message, { model: call.model, call: call.nth, reason, writtenAt });
}

export function unused(script: Script, left: string): EnginehouseError<'MODEL_SCRIPT_UNUSED'> {
  const { model, origin } = script;
  const message = `the script of ${model} was not used to its end: ${left} (written at ${origin.line})`;
  return origin.error('MODEL_SCRIPT_UNUSED', message, { model, left, writtenAt: origin.line });
}

/** @param thrown - what an expectation that is a function threw */
export function unexpected(
  call: ModelCall,
  { expected, thrown }: { readonly expected: Expectation; readonly thrown?: unknown },
  origin: Origin,
): EnginehouseError<'MODEL_CALL_UNEXPECTED'> {
  const shown = shownExpectation(expected);
  const reason = thrown instanceof Error ? `: ${thrown.message}` : '';
  const message = `${call.title} is not as the script expects: its last message must be ${shown}, it is ${shortened(call.lastMessage)}${reason} (written at ${origin.line})`;
  const details = { model: call.model, call: call.nth, expected: shown, received: call.lastMessage.slice(0, 500) };
  return origin.error('MODEL_CALL_UNEXPECTED', message, details, thrown);
}

export function toolNotOffered(
  call: ModelCall,
  tool: string,
  origin: Origin,
): EnginehouseError<'MODEL_CALL_UNEXPECTED'> {
  const offered = call.toolNames.join(', ') || 'no tools';
  const message = `${call.title} offers ${offered}, and the script calls ${tool} (written at ${origin.line}); a call that the model gets wrong is miscall(…)`;
  const details = { model: call.model, call: call.nth, expected: tool, received: offered.slice(0, 500) };
  return origin.error('MODEL_CALL_UNEXPECTED', message, details);
}
