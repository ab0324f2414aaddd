import { canonicalJson } from '../../base/canonical-json.ts';
import type { AgentEvent } from '../../context/event.ts';

const LINE_LENGTH = 160;

/**
 * A run's log for a person: one line per event, in the order of the log, with its number, the milliseconds since the
 * first event, and its real ids. What is long is cut.
 */
export function timelineText(events: readonly AgentEvent[]): string {
  const start = events.at(0)?.at ?? 0;
  const width = String(events.at(-1)?.seq ?? 0).length;
  return events
    .map(({ seq, type, at, data }) => {
      const line = `${String(seq).padStart(width)}  +${at - start} ms  ${type} ${canonicalJson(data)}`;
      return line.length <= LINE_LENGTH ? line : `${line.slice(0, LINE_LENGTH - 1)}…`;
    })
    .join('\n');
}
