import type { AgentEvent } from '../../context/event.ts';
import type { Owner, RunId, ThreadId } from '../../context/ids.ts';
import type {
  ArtifactRecord,
  CommandRecord,
  LogHead,
  RunKey,
  RunQuery,
  RunRecord,
  ThreadRecord,
} from '../../event/store.ts';

export interface EventPage {
  readonly runId: RunId;
  readonly after: number;
  readonly limit: number;
}

/** A whole artifact and the key of its pieces. */
export interface KeptArtifact {
  readonly key: number;
  readonly record: ArtifactRecord;
}

export interface PiecePlace {
  readonly key: number;
  readonly place: number;
}

/** Every read of an owner there is: what it is given, and what it answers. */
export interface Reads {
  'log.read': (page: EventPage) => readonly AgentEvent[];
  'log.head': (run: RunId) => LogHead | undefined;
  'runs.get': (run: RunId) => RunRecord | undefined;
  'runs.list': (query: RunQuery) => readonly RunRecord[];
  'commands.pending': (run: RunId) => readonly CommandRecord[];
  'artifacts.get': (artifactId: string) => KeptArtifact | undefined;
  'artifacts.list': (run: RunId) => readonly ArtifactRecord[];
  /** `undefined` when the artifact was deleted or replaced since its key was read. */
  'artifacts.read': (piece: PiecePlace) => Uint8Array | undefined;
  'threads.get': (thread: ThreadId) => ThreadRecord | undefined;
  'threads.list': (limit: number) => readonly ThreadRecord[];
}

export type ReadName = keyof Reads;
export type ReadResult<N extends ReadName> = ReturnType<Reads[N]>;

export interface Read<N extends ReadName> {
  readonly name: N;
  readonly owner: Owner;
  readonly args: Parameters<Reads[N]>[0];
}

/** How a store is read. Its failures are `STORE_FAILED`. */
export interface Reader {
  read<N extends ReadName>(read: Read<N>): Promise<ReadResult<N>>;
  /** See `Store.unfinished`. */
  unfinished(): Promise<readonly RunKey[]>;
}
