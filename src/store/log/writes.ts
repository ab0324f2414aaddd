/**
 * Every write there is, by name and as plain data, so that it can wait for its
 * group commit and be asked of another thread. Each store performs them in its
 * own way, and a write refuses before it changes anything.
 */

import type { Owner, RunId } from '../../context/ids.ts';
import type {
  Append,
  ArtifactRecord,
  CommandRecord,
  Lease,
  NewArtifact,
  NewCommand,
  NewRun,
  RunRecord,
} from '../../event/store.ts';

export interface AppendArgs extends Append {
  readonly owner: Owner;
  readonly runId: RunId;
}

export interface AcceptArgs {
  readonly owner: Owner;
  readonly run: NewRun;
  /** Names the new log; see `LogHead`. */
  readonly epoch: string;
}

export interface Accepted {
  readonly created: boolean;
  readonly run: RunRecord;
}

export interface DeleteRunArgs {
  readonly owner: Owner;
  readonly runId: RunId;
}

export interface TakeArgs {
  readonly owner: Owner;
  readonly runId: RunId;
  /** Names the process, for a person who reads the store. */
  readonly holder: string;
}

export interface PutCommandArgs {
  readonly owner: Owner;
  readonly command: NewCommand;
}

export interface PutCommandResult {
  readonly created: boolean;
  readonly command: CommandRecord;
}

export interface AppliedArgs {
  readonly owner: Owner;
  readonly commandId: string;
  readonly seq: number;
}

export interface PieceArgs {
  readonly owner: Owner;
  readonly artifact: NewArtifact;
  /** The key that the first piece was answered with; `undefined` for the first. */
  readonly upload: number | undefined;
  readonly place: number;
  readonly content: Uint8Array;
  /** With the last piece: what the artifact is now that it is whole. */
  readonly whole: Whole | undefined;
}

export type Whole = Pick<ArtifactRecord, 'bytes' | 'digest'>;

export interface UploadArgs {
  readonly owner: Owner;
  readonly upload: number;
}

export interface ArtifactArgs {
  readonly owner: Owner;
  readonly artifactId: string;
}

export interface LeftoverArgs {
  /** Of this tenant alone. @default of all */
  readonly tenant?: string | undefined;
}

/** What each write is given, and what it answers. */
export interface Writes {
  /** The new head. */
  append: (args: AppendArgs) => number;
  accept: (args: AcceptArgs) => Accepted;
  deleteRun: (args: DeleteRunArgs) => boolean;
  take: (args: TakeArgs) => Lease | undefined;
  putCommand: (args: PutCommandArgs) => PutCommandResult;
  applied: (args: AppliedArgs) => void;
  /** The key of the upload. */
  piece: (args: PieceArgs) => number;
  dropUpload: (args: UploadArgs) => void;
  deleteArtifact: (args: ArtifactArgs) => boolean;
  /** Takes away what a crash left of uploads. Only at open, when nothing is being uploaded. */
  dropLeftovers: (args: LeftoverArgs) => void;
}

export type WriteName = keyof Writes;
export type WriteResult<N extends WriteName = WriteName> = ReturnType<Writes[N]>;

/** One write, as it is asked for. */
export type Write<N extends WriteName = WriteName> = {
  readonly [Name in N]: { readonly name: Name; readonly args: Parameters<Writes[Name]>[0] };
}[N];

const ROW_BYTES = 256;

/** What a write adds to its group commit, in bytes, nearly. */
export function weightOf(write: Write): number {
  switch (write.name) {
    case 'append':
      return write.args.events.reduce((sum, { data }) => sum + Buffer.byteLength(data), ROW_BYTES);
    case 'accept':
      return ROW_BYTES + Buffer.byteLength(write.args.run.context) + Buffer.byteLength(write.args.run.accepted.data);
    case 'piece':
      return ROW_BYTES + write.args.content.byteLength;
    default:
      return ROW_BYTES;
  }
}
