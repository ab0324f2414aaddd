import type { Json } from '../base/canonical-json.ts';
import type { ErrorJson } from '../base/errors.ts';
import type { AgentEvent } from '../context/event.ts';
import type { FinalStatus } from '../context/run-status.ts';
import type { ServerFrame } from '../context/wire.ts';

/** How a run ended, as its terminal event says. */
export interface RunResult {
  readonly status: FinalStatus;
  /** What the agent gave. */
  readonly result?: Json | undefined;
  /** The artifact that holds the result, when it is over 32 KB. */
  readonly resultArtifact?: string | undefined;
  /** Why it failed. */
  readonly error?: ErrorJson | undefined;
  /** Why it was cancelled, and by whom. */
  readonly reason?: string | undefined;
  readonly by?: string | undefined;
  /** The terminal event's seq: the number of events. */
  readonly seq: number;
  /** CRC-32 of all of them, as the log has it. */
  readonly crc: string;
}

export function runResult(terminal: AgentEvent, { status, seq, crc }: Extract<ServerFrame, { t: 'end' }>): RunResult {
  return { ...terminal.data, status, seq, crc };
}
