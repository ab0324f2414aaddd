/**
 * The content of artifacts on its way in and out, one piece at a time. An upload
 * holds one piece in memory, however large the artifact; a small artifact is one commit.
 */

import { createHash } from 'node:crypto';

import { EnginehouseError } from '../../base/errors.ts';
import type { Owner } from '../../context/ids.ts';
import type { ArtifactRecord, NewArtifact } from '../../event/store.ts';
import type { StoreAccess } from './store-access.ts';
import type { Whole } from './writes.ts';

/** All pieces but the last have so many, so a range begins at a place that is computed. */
const PIECE_BYTES = 262_144;

export interface Upload {
  readonly artifact: NewArtifact;
  readonly content: AsyncIterable<Uint8Array> | Iterable<Uint8Array>;
  readonly limitBytes: number;
}

/** Keeps the content whole, or nothing of it. @throws `TOO_LARGE`, and the source's own error */
export async function uploadArtifact(access: StoreAccess, owner: Owner, upload: Upload): Promise<ArtifactRecord> {
  const { artifact, content, limitBytes } = upload;
  const pieces = new PieceWriter(access, owner, artifact);
  try {
    for await (const part of content) {
      if (pieces.bytes + part.byteLength > limitBytes) throw tooLarge(artifact, limitBytes);
      await pieces.add(part);
    }
    return { ...artifact, ...(await pieces.finish()) };
  } catch (error) {
    // Why it failed is what the caller must hear. What cannot be dropped now is dropped at the next open.
    await pieces.drop().catch(() => undefined);
    throw error;
  }
}

/** @throws `NOT_FOUND` when the artifact is deleted or replaced before the last piece is read. */
export async function* readArtifact(
  access: StoreAccess,
  owner: Owner,
  range: ArtifactRange,
): AsyncGenerator<Uint8Array, void> {
  const { artifactId, start = 0, end = Infinity } = range;
  const found = await access.read({ name: 'artifacts.get', owner, args: artifactId });
  if (found === undefined) return;
  const { key, record } = found;
  const until = Math.min(end, record.bytes);
  for (let at = Math.max(0, start); at < until;) {
    const place = Math.floor(at / PIECE_BYTES);
    const piece = await access.read({ name: 'artifacts.read', owner, args: { key, place } });
    if (piece === undefined) throw gone(artifactId);
    const base = place * PIECE_BYTES;
    const part = piece.subarray(at - base, until - base);
    yield part;
    at += part.byteLength;
  }
}

export interface ArtifactRange {
  readonly artifactId: string;
  /** @default 0 */
  readonly start?: number | undefined;
  /** Not included. @default the artifact's end */
  readonly end?: number | undefined;
}

/** Gathers bytes to pieces. The last piece is held back until it is known to be the last. */
class PieceWriter {
  readonly #access: StoreAccess;
  readonly #owner: Owner;
  readonly #artifact: NewArtifact;
  readonly #hash = createHash('sha256');
  readonly #held = new Uint8Array(PIECE_BYTES);
  #heldBytes = 0;
  #place = 0;
  #upload: number | undefined;

  constructor(access: StoreAccess, owner: Owner, artifact: NewArtifact) {
    this.#access = access;
    this.#owner = owner;
    this.#artifact = artifact;
  }

  /** Taken in so far. */
  get bytes(): number {
    return this.#place * PIECE_BYTES + this.#heldBytes;
  }

  async add(part: Uint8Array): Promise<void> {
    this.#hash.update(part);
    for (let from = 0; from < part.byteLength;) {
      if (this.#heldBytes === PIECE_BYTES) await this.#keep(undefined);
      const more = part.subarray(from, from + PIECE_BYTES - this.#heldBytes);
      this.#held.set(more, this.#heldBytes);
      this.#heldBytes += more.byteLength;
      from += more.byteLength;
    }
  }

  async finish(): Promise<Whole> {
    const whole = { bytes: this.bytes, digest: this.#hash.digest('hex') };
    await this.#keep(whole);
    return whole;
  }

  async drop(): Promise<void> {
    if (this.#upload !== undefined)
      await this.#access.write({ name: 'dropUpload', args: { owner: this.#owner, upload: this.#upload } });
  }

  async #keep(whole: Whole | undefined): Promise<void> {
    // A copy of its own size: on its way to another thread a view takes its whole buffer along.
    const content = this.#held.slice(0, this.#heldBytes);
    const args = {
      owner: this.#owner,
      artifact: this.#artifact,
      upload: this.#upload,
      place: this.#place,
      content,
      whole,
    };
    this.#upload = await this.#access.write({ name: 'piece', args });
    this.#place += 1;
    this.#heldBytes = 0;
  }
}

function tooLarge({ artifactId }: NewArtifact, limitBytes: number): EnginehouseError {
  const what = `artifact ${artifactId}`;
  return new EnginehouseError('TOO_LARGE', `${what} is larger than ${limitBytes} bytes`, { what, limitBytes });
}

function gone(artifactId: string): EnginehouseError {
  const message = `artifact ${artifactId} was deleted or replaced while it was read`;
  return new EnginehouseError('NOT_FOUND', message, { what: 'artifact', id: artifactId });
}
