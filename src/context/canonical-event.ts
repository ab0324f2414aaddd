import { canonicalJson } from '../base/canonical-json.ts';
import type { AgentEvent } from './event.ts';

/**
 * The bytes of an event that a run's CRC-32 is taken over, in order of `seq`:
 * `[seq,type,at,data]` as canonical JSON, and a line feed. A client that applied
 * every event computes the same CRC as the log.
 */
export function canonicalEvent(event: AgentEvent): string {
  return canonicalEventText(event.seq, event.type, event.at, canonicalJson(event.data));
}

/** The same from data that is canonical text already, as the store keeps it. */
export function canonicalEventText(seq: number, type: string, at: number, data: string): string {
  return `[${seq},"${type}",${at},${data}]\n`;
}
