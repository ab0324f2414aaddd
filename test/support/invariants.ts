import { expect } from 'vitest';

import type { AgentEvent } from '../../src/context/event.ts';
import { runId, type RunId } from '../../src/context/ids.ts';
import { isTerminal } from '../../src/context/run-status.ts';
import type { RunLog } from '../../src/event/store.ts';

/**
 * What holds of the log of every run that has ended, whatever its agent did:
 *
 *   numbered 1, 2, 3 … without gaps · begins with `run_accepted` · exactly one
 *   terminal event, and nothing after it · every call and child run that began
 *   was closed, once and after it began · progress only while its call runs ·
 *   a cancelled run was asked to end before.
 */
export function checkRunLog(events: readonly AgentEvent[]): void {
  const types = events.map(({ type }) => type);
  expect(events.map(({ seq }) => seq)).toEqual(types.map((_, index) => index + 1));
  expect(types.indexOf('run_accepted')).toBe(0);
  expect(types.filter((type) => type === 'run_accepted')).toHaveLength(1);
  expect(types.flatMap((type, index) => (isTerminal(type) ? [index] : []))).toEqual([types.length - 1]);
  if (types.includes('agent_cancelled')) expect(types).toContain('cancel_requested');
  const open = new Set<string>();
  for (const event of events) follow(event, open);
  expect([...open]).toEqual([]);
}

function follow({ type, data, seq }: AgentEvent, open: Set<string>): void {
  switch (type) {
    case 'tool_executing':
      // A second attempt runs an idempotent call again.
      open.add(`call ${data.call}`);
      return;
    case 'tool_progress':
      expect(open, `event ${seq}`).toContain(`call ${data.call}`);
      return;
    case 'tool_completed':
      // A call that was refused before it ran has only an end.
      if (data.outcome === 'ok' || data.outcome === 'timeout')
        expect(open, `event ${seq}`).toContain(`call ${data.call}`);
      open.delete(`call ${data.call}`);
      return;
    case 'subagent_started':
      open.add(`child ${data.run}`);
      return;
    case 'subagent_completed':
      expect(open, `event ${seq}`).toContain(`child ${data.run}`);
      open.delete(`child ${data.run}`);
      return;
    default:
  }
}

/** The child runs that a run began, in their order. */
export function childRuns(events: readonly AgentEvent[]): readonly RunId[] {
  return events.flatMap(({ type, data }) => (type === 'subagent_started' ? [runId(data.run)] : []));
}

/** Checks the log of a run and of every run below it, and gives all of them, the run itself first. */
export async function checkFamily(log: RunLog, id: RunId): Promise<readonly (readonly AgentEvent[])[]> {
  const events = await log.read(id, 0, 10_000);
  checkRunLog(events);
  const below = await Promise.all(childRuns(events).map((child) => checkFamily(log, child)));
  return [events, ...below.flat()];
}
