/**
 * Where a timeline comes from: a run as its starter holds it, a run as a client
 * follows it, or events that were read already.
 *
 *   O1. Reading goes on to the terminal event, and never longer than the limit;
 *       then the error shows how far the run got, and the reading is given up.
 */

import { holdingClock } from '../../base/clock.ts';
import { withDeadline } from '../../base/deadline.ts';
import { EnginehouseError, isEnginehouseError } from '../../base/errors.ts';
import { isRecord } from '../../base/is-record.ts';
import type { ClientRun } from '../../client/client-run.ts';
import type { AgentEvent } from '../../context/event.ts';
import { isTerminal } from '../../context/run-status.ts';
import type { AgentRun } from '../../engine/agent-run.ts';
import { asText } from './difference.ts';
import type { ReadRun } from './explain.ts';
import { readerInScope, type RunReader } from './readers.ts';
import { timelineText } from './timeline-text.ts';

export type TimelineSource = AgentRun | ClientRun | readonly AgentEvent[];

export interface TimelineOptions {
  /** Reads child runs. @default that of the test's runtime; without one, a child run is one line */
  readonly reader?: RunReader | undefined;
  /** Milliseconds of real time that the run may take to end. @default 10000 */
  readonly timeoutMs?: number | undefined;
}

const TIMEOUT_MS = 10_000;

/**
 * Every event of a run, up to and with the terminal one. Events that are given are given back.
 *
 * @throws `DEADLINE` with the timeline so far, `TEST_KIT_MISUSED` for what is no run, and what the source throws
 */
export async function eventsOf(
  source: TimelineSource,
  { timeoutMs = TIMEOUT_MS }: Pick<TimelineOptions, 'timeoutMs'> = {},
): Promise<readonly AgentEvent[]> {
  if (isEvents(source)) return source;
  const events: AgentEvent[] = [];
  const left = new AbortController();
  const what = `run ${runIdOf(source)}`;
  try {
    await withDeadline(what, timeoutMs, holdingClock, readInto(events, source, left.signal));
  } catch (error) {
    if (!isEnginehouseError(error, 'DEADLINE') || error.details.what !== what) throw error;
    const so = events.length === 0 ? 'it has no events' : `its timeline so far:\n${timelineText(events)}`;
    throw new EnginehouseError('DEADLINE', `${error.message}; ${so}`, error.details, { cause: error });
  } finally {
    left.abort();
  }
  return events;
}

/** The run with its child runs, as far as they can be reached. */
export async function readRun(source: TimelineSource, options: TimelineOptions = {}): Promise<ReadRun> {
  const events = await eventsOf(source, options);
  const children = new Map<string, readonly AgentEvent[]>();
  const { reader = readerInScope() } = options;
  if (reader !== undefined) await readChildren(events, reader, children);
  return { runId: isEvents(source) ? undefined : runIdOf(source), events, children };
}

async function readChildren(
  events: readonly AgentEvent[],
  reader: RunReader,
  children: Map<string, readonly AgentEvent[]>,
): Promise<void> {
  for (const { type, data } of events) {
    if (type !== 'subagent_started' || children.has(data.run)) continue;
    // A child that was refused has none.
    const log = await reader(data.run);
    children.set(data.run, log);
    await readChildren(log, reader, children);
  }
}

/** O1 */
async function readInto(events: AgentEvent[], source: AgentRun | ClientRun, signal: AbortSignal): Promise<void> {
  const iterable = 'events' in source ? source.events({ signal }) : source;
  for await (const event of iterable) {
    if (signal.aborted) return;
    events.push(event);
    if (isTerminal(event.type)) return;
  }
}

/** @throws `TEST_KIT_MISUSED` when a test without types gives something else */
function runIdOf(source: AgentRun | ClientRun): string {
  const id: unknown = isRecord(source) ? ('runId' in source ? source.runId : source['id']) : undefined;
  if (typeof id === 'string' && Symbol.asyncIterator in source) return id;
  const cure = 'Give what executeAgent() or client.start() gives, or a list of events.';
  const message = `a timeline is of a run or of its events, got ${asText(source)}`;
  throw new EnginehouseError('TEST_KIT_MISUSED', message, { part: 'timeline' }, { cure });
}

function isEvents(source: TimelineSource): source is readonly AgentEvent[] {
  return Array.isArray(source);
}
