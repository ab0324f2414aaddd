/**
 * An event in a few words, for a person who watches. What only repeats another
 * event, or tells nothing to a person, has none.
 */

import type { Json } from '../base/canonical-json.ts';
import { isRecord } from '../base/is-record.ts';
import type { AgentEvent } from '../context/event.ts';
import { plain } from './output.ts';

export function eventText(event: AgentEvent): string | undefined {
  const text = textOf(event);
  return text === undefined ? undefined : plain(text);
}

function textOf(event: AgentEvent): string | undefined {
  switch (event.type) {
    case 'run_queued':
      return `waits in the queue at place ${event.data.position}`;
    case 'agent_started':
      return event.data.attempt === 1 ? undefined : `goes on, attempt ${event.data.attempt}`;
    case 'agent_thinking':
      return event.data.text ?? event.data.model;
    case 'step_reset':
      return `again: ${event.data.reason}`;
    case 'step_completed':
      return event.data.outcome === 'error' ? `step ${event.data.name} failed${because(event.data.error)}` : undefined;
    case 'tool_executing':
    case 'tool_progress':
    case 'tool_completed':
      return toolText(event);
    case 'artifact_created':
      return `made ${event.data.title}, ${grouped(event.data.bytes)} bytes`;
    case 'usage_recorded':
      return `used ${grouped(event.data.input)} input and ${grouped(event.data.output)} output tokens`;
    case 'run_parked':
      return `waits: ${event.data.reason}`;
    case 'run_resumed':
      return `goes on: ${event.data.reason}`;
    case 'cancel_requested':
      return `${event.data.by} asked to cancel: ${event.data.reason}`;
    case 'agent_completed':
      return 'completed';
    case 'agent_failed':
      return `failed, ${event.data.error.code}`;
    case 'agent_cancelled':
      return `cancelled by ${event.data.by}: ${event.data.reason}`;
    default:
      return undefined;
  }
}

function toolText(event: AgentEvent<'tool_executing' | 'tool_progress' | 'tool_completed'>): string {
  switch (event.type) {
    case 'tool_executing':
      return `${event.data.tool} …`;
    case 'tool_progress':
      return progressText(event.data.progress);
    case 'tool_completed': {
      const { tool, outcome, durationMs, error } = event.data;
      return `${tool}: ${outcome}${outcome === 'ok' ? `, ${grouped(Math.round(durationMs))} ms` : because(error)}`;
    }
  }
}

function because(error: { readonly code: string; readonly message: string } | undefined): string {
  return error === undefined ? '' : `, ${error.code}: ${error.message}`;
}

/** `{ rows: 50000, badRows: 0 }` as "rows 50,000, bad rows 0". */
function progressText(progress: Json): string {
  if (!isRecord(progress)) return typeof progress === 'string' ? progress : JSON.stringify(progress);
  return Object.entries(progress)
    .map(([name, value]) => `${inWords(name)} ${typeof value === 'number' ? grouped(value) : JSON.stringify(value)}`)
    .join(', ');
}

function inWords(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}

function grouped(value: number): string {
  return value.toLocaleString('en-US');
}
