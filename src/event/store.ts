/**
 * The ports of the durable store, declared here by the code that needs them and
 * implemented in `store/`. `test/contract/store.ts` says in code what the
 * comments say in words, and every adapter runs it.
 *
 *   P1. Every read and write goes through a handle bound to one owner. A row of
 *       another owner is not there: it is read as absent and cannot be written.
 *   P2. A promise that resolved is durable. What is not durable is not visible.
 *   P3. One writer per run: an append is compare-and-set on the lease's
 *       generation and on the expected position.
 */

import type { AgentEvent, EventType } from '../context/event.ts';
import type { Owner, RunId, ThreadId } from '../context/ids.ts';
import type { RunStatus } from '../context/run-status.ts';

export interface Store extends AsyncDisposable {
  /** For a person: what it is and where it keeps things. */
  readonly description: string;
  /** The handles of one owner. Cheap; makes no row. */
  for(owner: Owner): OwnedStore;
  /**
   * Runs without a terminal event that recovery must take up, oldest first:
   * those of a request and those an engine started. Child runs are taken up by
   * their parents. This is the one read that is not bound to an owner; it gives keys, no data.
   */
  unfinished(): Promise<readonly RunKey[]>;
  /** Idempotent. Waits for commits under way; what comes later is refused with `CLOSED`. */
  close(): Promise<void>;
}

export interface RunKey {
  readonly owner: Owner;
  readonly runId: RunId;
}

/** Everything of one owner. */
export interface OwnedStore {
  readonly log: RunLog;
  readonly runs: RunTable;
  readonly leases: LeaseTable;
  readonly commands: CommandInbox;
  readonly artifacts: ArtifactStore;
  readonly threads: ThreadTable;
}

/** An event that has no number yet. `data` is canonical JSON and was checked against the schema. */
export interface NewEvent {
  readonly type: EventType;
  readonly at: number;
  readonly data: string;
}

export interface Append {
  /** The lease's generation. */
  readonly generation: number;
  /** The head that the writer knows; the events are numbered from `after + 1`. */
  readonly after: number;
  readonly events: readonly NewEvent[];
}

/** A run's log: numbered events without gaps. */
export interface RunLog {
  /**
   * Adds events at the head, all or none, and resolves with the new head when they are durable.
   * Appends that wait while a commit is under way share the next one; there is no timer.
   *
   * @throws `LEASE_LOST` when the generation is not the run's, `LOG_CONFLICT` when `after` is not the head,
   * `RUN_ENDED` after a terminal event, `NOT_FOUND` for an unknown or foreign run,
   * `STORE_FULL` or `STORE_FAILED` when nothing was written.
   */
  append(runId: RunId, append: Append): Promise<number>;
  /** Events with `seq > after`, in order, at most `limit`. An unknown or foreign run has none. */
  read(runId: RunId, after: number, limit: number): Promise<readonly AgentEvent[]>;
  /** Where the log stands, or `undefined` for an unknown or foreign run. */
  head(runId: RunId): Promise<LogHead | undefined>;
}

export interface LogHead {
  readonly head: number;
  /** Minted with the log; another one means that continuity cannot be proven. */
  readonly epoch: string;
  /** CRC-32 of the canonical bytes of all events up to `head`. */
  readonly crc: number;
  readonly status: RunStatus;
}

/** Why a run exists: a request, a further call on an engine, or an agent's call of another agent. */
export type RunOrigin = 'request' | 'engine' | 'agent';

export interface NewRun {
  readonly runId: RunId;
  readonly threadId: ThreadId;
  readonly agent: string;
  readonly version: string;
  readonly origin: RunOrigin;
  readonly parentRunId: RunId | undefined;
  /** SHA-256 of agent name and canonical input: the same run id with another digest is a conflict. */
  readonly inputDigest: string;
  /** What a recovery needs of the context: roles, metadata, operations. Canonical JSON. */
  readonly context: string;
  /** Who holds the lease from the start. */
  readonly holder: string;
  /** `run_accepted`, event 1. */
  readonly accepted: NewEvent;
}

export interface RunRecord extends LogHead {
  readonly runId: RunId;
  readonly threadId: ThreadId;
  readonly agent: string;
  readonly version: string;
  readonly origin: RunOrigin;
  readonly parentRunId: RunId | undefined;
  readonly inputDigest: string;
  readonly context: string;
  readonly generation: number;
  readonly acceptedAt: number;
  /** When the terminal event was written; `undefined` before. */
  readonly endedAt: number | undefined;
}

export interface RunTable {
  /**
   * Commits the run, its thread, its first event and a lease of generation 1 in one step.
   * A run id that this owner has already gives the existing run with `created: false` and changes nothing.
   */
  accept(run: NewRun): Promise<{ readonly created: boolean; readonly run: RunRecord }>;
  get(runId: RunId): Promise<RunRecord | undefined>;
  /** Newest first; `before` is the `acceptedAt` and `runId` of the last row of the page before. */
  list(query: RunQuery): Promise<readonly RunRecord[]>;
  /** Deletes the run with its events, commands and artifacts, and its child runs. False when there is none. */
  delete(runId: RunId): Promise<boolean>;
}

export interface RunQuery {
  readonly limit: number;
  readonly before?: { readonly acceptedAt: number; readonly runId: string } | undefined;
  readonly threadId?: ThreadId | undefined;
  readonly parentRunId?: RunId | undefined;
  readonly status?: RunStatus | undefined;
}

export interface Lease {
  readonly generation: number;
  readonly head: LogHead;
}

export interface LeaseTable {
  /** Takes the run over: raises the generation, so that the holder before can write nothing more. `undefined` for an unknown or foreign run. */
  take(runId: RunId, holder: string): Promise<Lease | undefined>;
}

/** A wish of a user, kept until the run's writer turned it into events. */
export interface NewCommand {
  /** The idempotency key, unique per owner. */
  readonly commandId: string;
  readonly runId: RunId;
  readonly op: 'run.cancel';
  /** Canonical JSON. */
  readonly args: string;
  readonly at: number;
}

export interface CommandRecord extends NewCommand {
  /** Where the effect is visible, once the writer applied it. */
  readonly appliedSeq: number | undefined;
}

export interface CommandInbox {
  /** Keeps the command. A known id gives the first one back with `created: false`. @throws `NOT_FOUND` for an unknown or foreign run. */
  put(command: NewCommand): Promise<{ readonly created: boolean; readonly command: CommandRecord }>;
  /** Commands of the run that are not applied, oldest first. */
  pending(runId: RunId): Promise<readonly CommandRecord[]>;
  /** Says where the effect is. The first place stays; an unknown or foreign id changes nothing. */
  applied(commandId: string, seq: number): Promise<void>;
}

export interface NewArtifact {
  readonly artifactId: string;
  readonly runId: RunId | undefined;
  readonly kind: string;
  readonly title: string;
  readonly mediaType: string;
  readonly createdAt: number;
}

export interface ArtifactRecord extends NewArtifact {
  readonly bytes: number;
  /** SHA-256 of the content, hexadecimal. */
  readonly digest: string;
}

export interface ArtifactStore {
  /**
   * Keeps the content in pieces; it is there whole or not at all. An artifact id that exists is replaced.
   *
   * @throws `TOO_LARGE` past `limitBytes`, and the source's own error when it fails.
   */
  put(
    artifact: NewArtifact,
    content: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
    limitBytes: number,
  ): Promise<ArtifactRecord>;
  get(artifactId: string): Promise<ArtifactRecord | undefined>;
  /**
   * The content from byte `start` up to, not including, `end`, in pieces. An unknown or foreign id yields nothing.
   *
   * @throws `NOT_FOUND` when the artifact is deleted or replaced before the last piece was read.
   */
  read(artifactId: string, start?: number, end?: number): AsyncIterable<Uint8Array>;
  list(runId: RunId): Promise<readonly ArtifactRecord[]>;
  delete(artifactId: string): Promise<boolean>;
}

export interface ThreadRecord {
  readonly threadId: ThreadId;
  readonly createdAt: number;
  /** When a run of it was last accepted or ended; it never goes back. */
  readonly updatedAt: number;
}

export interface ThreadTable {
  get(threadId: ThreadId): Promise<ThreadRecord | undefined>;
  /** The one that was updated last comes first. */
  list(limit: number): Promise<readonly ThreadRecord[]>;
}
