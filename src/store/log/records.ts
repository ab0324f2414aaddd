/** What the ports give of a row. Both stores name their columns alike. */

import type { AgentEvent, EventType } from '../../context/event.ts';
import { runId, threadId } from '../../context/ids.ts';
import type { RunStatus } from '../../context/run-status.ts';
import type {
  ArtifactRecord,
  CommandRecord,
  LogHead,
  NewCommand,
  RunOrigin,
  RunRecord,
  ThreadRecord,
} from '../../event/store.ts';
import type { OpenLog } from './open-logs.ts';
import { number, optionalNumber, optionalText, text, type Row } from './row.ts';

export function asEvent(row: Row): AgentEvent {
  // A parse boundary: type and data were checked against the vocabulary before they were written.
  return {
    seq: number(row, 'seq'),
    type: text(row, 'type') as EventType,
    at: number(row, 'at'),
    data: JSON.parse(text(row, 'data')),
  } as AgentEvent;
}

export function asHead(row: Row): LogHead {
  return { head: number(row, 'head'), epoch: text(row, 'epoch'), crc: number(row, 'crc'), status: asStatus(row) };
}

export function asOpenLog(row: Row): OpenLog {
  return {
    run: number(row, 'run'),
    generation: number(row, 'generation'),
    head: number(row, 'head'),
    crc: number(row, 'crc'),
    status: asStatus(row),
  };
}

export function asRun(row: Row): RunRecord {
  const parent = optionalText(row, 'parent_run_id');
  return {
    ...asHead(row),
    runId: runId(text(row, 'run_id')),
    threadId: threadId(text(row, 'thread_id')),
    agent: text(row, 'agent'),
    version: text(row, 'version'),
    // A parse boundary: only a NewRun's origin is written there.
    origin: text(row, 'origin') as RunOrigin,
    parentRunId: parent === undefined ? undefined : runId(parent),
    inputDigest: text(row, 'input_digest'),
    context: text(row, 'context'),
    generation: number(row, 'generation'),
    acceptedAt: number(row, 'accepted_at'),
    endedAt: optionalNumber(row, 'ended_at'),
  };
}

export function asCommand(row: Row): CommandRecord {
  return {
    commandId: text(row, 'command_id'),
    runId: runId(text(row, 'run_id')),
    // A parse boundary: only a NewCommand's op is written there.
    op: text(row, 'op') as NewCommand['op'],
    args: text(row, 'args'),
    at: number(row, 'at'),
    appliedSeq: optionalNumber(row, 'applied_seq'),
  };
}

export function asArtifact(row: Row): ArtifactRecord {
  const run = optionalText(row, 'run_id');
  return {
    artifactId: text(row, 'artifact_id'),
    runId: run === undefined ? undefined : runId(run),
    kind: text(row, 'kind'),
    title: text(row, 'title'),
    mediaType: text(row, 'media_type'),
    createdAt: number(row, 'created_at'),
    bytes: number(row, 'bytes'),
    digest: text(row, 'digest'),
  };
}

export function asThread(row: Row): ThreadRecord {
  return {
    threadId: threadId(text(row, 'thread_id')),
    createdAt: number(row, 'created_at'),
    updatedAt: number(row, 'updated_at'),
  };
}

function asStatus(row: Row): RunStatus {
  // A parse boundary: only statusAfter() makes what is written there.
  return text(row, 'status') as RunStatus;
}
