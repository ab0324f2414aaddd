import type { ArtifactRecord } from '../event/store.ts';

export interface ArtifactOptions {
  /** For the person, for instance a file name. */
  readonly title: string;
  /** What it is: `file`, `table`, `chart`, `report` … @default 'file' */
  readonly kind?: string;
  /** @default 'application/octet-stream', or 'text/plain; charset=utf-8' for a string */
  readonly mediaType?: string;
}

/** A user's files in the store, for agents and tools. */
export interface ArtifactAccess {
  /**
   * Keeps a file for the user and announces it with `artifact_created`.
   * The id is made from the run and the title, so that a repeated attempt replaces it.
   *
   * @throws `TOO_LARGE` past limits.artifactBytes.
   */
  create(content: string | Uint8Array | AsyncIterable<Uint8Array>, options: ArtifactOptions): Promise<ArtifactRecord>;
  /** @throws `NOT_FOUND` for an unknown or foreign id. */
  get(artifactId: string): Promise<ArtifactRecord>;
  /** The content in pieces. @throws `NOT_FOUND` */
  read(artifactId: string): AsyncIterable<Uint8Array>;
}
