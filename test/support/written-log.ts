import type { AgentEvent, EventData, EventType } from '../../src/context/event.ts';

/** An event before it has its number and its time. */
export type Written = { readonly [T in EventType]: Pick<AgentEvent<T>, 'type' | 'data'> }[EventType];

/** A log that is written by hand: numbered from 1, a millisecond apart. */
export function written(...events: readonly Written[]): readonly AgentEvent[] {
  return events.map((event, index) => ({ ...event, seq: index + 1, at: 1_763_800_000_000 + index }));
}

export const accepted: Written = { type: 'run_accepted', data: { agent: 'boss', version: '1', input: {} } };
export const started: Written = { type: 'agent_started', data: { agent: 'boss', attempt: 1 } };
export const completed: Written = { type: 'agent_completed', data: { result: 'done' } };
export const asked: Written = { type: 'cancel_requested', data: { by: 'ada', reason: 'enough' } };
export const cancelled: Written = { type: 'agent_cancelled', data: { by: 'ada', reason: 'enough' } };
export const failed: Written = {
  type: 'agent_failed',
  data: { error: { code: 'AGENT_THREW', message: 'it broke', details: {}, cure: '', retry: 'no', ref: 'r' } },
};

/** A call begins. Its id is `name#occurrence`. */
export function begins(call: string, input: EventData<'tool_executing'>['input'] = {}): Written {
  return { type: 'tool_executing', data: { call, tool: nameOf(call), input, step: 0 } };
}

export function progress(call: string, at: number): Written {
  return { type: 'tool_progress', data: { call, progress: at } };
}

export function ends(call: string, rest: Partial<EventData<'tool_completed'>> = {}): Written {
  const data = { call, tool: nameOf(call), step: 0, alone: true, outcome: 'ok' as const, durationMs: 1, ...rest };
  return { type: 'tool_completed', data };
}

export function childBegins(run: string, agent: string): Written {
  return { type: 'subagent_started', data: { run, agent, occurrence: 0, step: 0 } };
}

export function childEnds(run: string, agent: string, rest: Partial<EventData<'subagent_completed'>> = {}): Written {
  const data = { run, agent, occurrence: 0, step: 0, alone: true, outcome: 'completed' as const, ...rest };
  return { type: 'subagent_completed', data };
}

export function stepped(name: string, rest: Partial<EventData<'step_completed'>> = {}): Written {
  const data = { step: 0, name, occurrence: 0, alone: true, outcome: 'ok' as const, result: null, ...rest };
  return { type: 'step_completed', data };
}

export function thinks(text?: string): Written {
  return { type: 'agent_thinking', data: { turn: 0, ...(text === undefined ? {} : { text }) } };
}

export function says(delta: string, message = 'answer'): Written {
  return { type: 'message_delta', data: { message, delta } };
}

function nameOf(call: string): string {
  return call.split('#', 1)[0] ?? call;
}
