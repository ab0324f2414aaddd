/** What an event says, in words: one line, and under it what does not fit there. */

import { canonicalJson } from '../../base/canonical-json.ts';
import type { AgentEvent, EventData } from '../../context/event.ts';

/** A value longer than this goes below its line, with its parts on lines of their own. */
const LINE_LENGTH = 100;

type Failure = EventData<'agent_failed'>['error'];
type Kept = Pick<EventData<'agent_completed'>, 'result' | 'resultArtifact'>;

export function describeEvent(event: AgentEvent): string {
  const { type, data } = event;
  switch (type) {
    case 'run_accepted':
      return words('accepted', data.agent, data.version === '1' ? '' : `version ${data.version}`, inputOf(data));
    case 'run_queued':
      return 'queued';
    case 'agent_started':
      return data.attempt === 1 ? 'started' : `started, attempt ${data.attempt}`;
    case 'agent_thinking':
      return words('thinking', data.text === undefined ? '' : json(data.text), data.model ? `with ${data.model}` : '');
    case 'reasoning_delta':
    case 'message_delta':
    case 'tool_input_delta':
      return describeDelta(type, data.delta);
    case 'message_completed':
      return words('said', data.role === 'assistant' ? '' : `as ${data.role}`, json(data.parts));
    case 'step_completed':
      return arrow(`step ${data.name}`, data.error === undefined ? stepResult(data) : failed('failed', data.error));
    case 'step_reset':
      return words('done again', json(data.reason));
    case 'state_changed':
      return words('state', json(data.patch));
    case 'artifact_created':
      return words('artifact', json(data.artifact), data.kind, json(data.title), data.mediaType);
    case 'usage_recorded':
      return words('used', json(data));
    case 'run_parked':
      return words('parked', json(data.reason));
    case 'run_resumed':
      return words('resumed', json(data.reason));
    default:
      return describeEnd(event) ?? describeCall(event) ?? words(type, json(data));
  }
}

/** A streamed text, or a piece of it. */
export function describeDelta(type: 'reasoning_delta' | 'message_delta' | 'tool_input_delta', text: string): string {
  const word = { reasoning_delta: 'reasoning', message_delta: 'saying', tool_input_delta: 'input' };
  return words(word[type], json(text));
}

/** A call from its first to its last event. */
export function describeTool(
  began: EventData<'tool_executing'> | undefined,
  ended: EventData<'tool_completed'> | undefined,
): string {
  const called = words('tool', began?.tool ?? ended?.tool ?? '', began === undefined ? '' : json(began.input));
  if (ended === undefined) return arrow(called, 'has not ended');
  return arrow(called, ended.error === undefined ? resultOf(ended) : failed(ended.outcome, ended.error));
}

/** A child run as its parent's log tells it. */
export function describeChild(
  began: EventData<'subagent_started'> | undefined,
  ended: EventData<'subagent_completed'> | undefined,
): string {
  const called = words('agent', began?.agent ?? ended?.agent ?? '', json(began?.run ?? ended?.run ?? ''));
  if (ended === undefined) return arrow(called, 'has not ended');
  return arrow(
    called,
    ended.error === undefined ? words(ended.outcome, resultOf(ended)) : failed(ended.outcome, ended.error),
  );
}

function describeCall(event: AgentEvent): string | undefined {
  const { type, data } = event;
  switch (type) {
    case 'tool_executing':
      return describeTool(data, undefined);
    case 'tool_progress':
      return words('progress', json(data.progress));
    case 'tool_completed':
      return describeTool(undefined, data);
    case 'approval_requested':
      return words('approval asked', data.reason === undefined ? '' : json(data.reason));
    case 'approval_resolved':
      return words('approval', data.decision, 'by', json(data.by));
    case 'subagent_started':
      return describeChild(data, undefined);
    case 'subagent_completed':
      return describeChild(undefined, data);
    default:
      return undefined;
  }
}

function describeEnd({ type, data }: AgentEvent): string | undefined {
  switch (type) {
    case 'cancel_requested':
      return words('cancel asked by', json(data.by), json(data.reason));
    case 'agent_completed':
      return words('completed', resultOf(data));
    case 'agent_failed':
      return failed('failed', data.error);
    case 'agent_cancelled':
      return words('cancelled by', json(data.by), json(data.reason));
    default:
      return undefined;
  }
}

/** What the agent takes from its context is another one each time. */
function stepResult(data: EventData<'step_completed'>): string {
  if (data.name === 'enginehouse.random') return '<random>';
  if (data.name === 'enginehouse.now') return '<time>';
  return resultOf(data);
}

function resultOf({ result, resultArtifact }: Kept): string {
  return resultArtifact === undefined ? json(result ?? null) : `in artifact ${json(resultArtifact)}`;
}

function inputOf({ input, inputArtifact }: EventData<'run_accepted'>): string {
  return inputArtifact === undefined ? json(input ?? null) : `in artifact ${json(inputArtifact)}`;
}

function failed(outcome: string, { code, message }: Failure): string {
  return words(outcome, code, json(message));
}

/** Canonical, and so the same for the same value; on lines of its own when it is long. */
function json(value: unknown): string {
  const text = canonicalJson(value);
  if (text.length <= LINE_LENGTH || typeof value === 'string') return text;
  return `\n${JSON.stringify(JSON.parse(text), undefined, 2)}`;
}

function arrow(from: string, to: string): string {
  return to.startsWith('\n') ? `${from} →${to}` : `${from} → ${to}`;
}

function words(...parts: readonly string[]): string {
  return parts
    .filter((part) => part !== '')
    .join(' ')
    .replaceAll(' \n', '\n');
}
