import { expect } from 'vitest';

import type { AgentEvent } from '../../src/context/event.ts';
import { runId, type RunId } from '../../src/context/ids.ts';
import type { RunLog } from '../../src/event/store.ts';
import { brokenInvariants } from '../../src/testing/timeline/invariants.ts';

/** Fails with all that is wrong with the log of a run that has ended. */
export function checkRunLog(events: readonly AgentEvent[]): void {
  expect(brokenInvariants(events)).toEqual([]);
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
