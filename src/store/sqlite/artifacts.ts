/**
 * Artifacts, kept in pieces.
 *
 *   F1. Until its digest is written an artifact cannot be seen (T3). The digest,
 *       the last piece and the end of an artifact it replaces are one commit.
 *   F2. What a crash left unfinished is deleted when the store is opened.
 */

import { EnginehouseError } from '../../base/errors.ts';
import type { Owner, RunId } from '../../context/ids.ts';
import type { ArtifactRecord } from '../../event/store.ts';
import type { KeptArtifact, PiecePlace } from '../log/reads.ts';
import { asArtifact } from '../log/records.ts';
import { bytes, number } from '../log/row.ts';
import type { ArtifactArgs, PieceArgs, UploadArgs, Whole } from '../log/writes.ts';
import type { Connection } from './connection.ts';

const WHOLE = 'tenant_id = ? AND user_id = ? AND artifact_id = ? AND digest IS NOT NULL';
const COLUMNS = 'artifact, artifact_id, run_id, kind, title, media_type, created_at, bytes, digest';

/**
 * Adds a piece and gives the key of its upload.
 *
 * @throws `NOT_FOUND` when the artifact's run was deleted meanwhile, and with it what was uploaded.
 */
export function keepPiece(db: Connection, args: PieceArgs): number {
  const { place, content, whole } = args;
  const upload = args.upload === undefined ? beginUpload(db, args) : stillOpen(db, args.upload, args);
  if (content.byteLength > 0)
    db.run('INSERT INTO pieces (artifact, place, content) VALUES (?, ?, ?)', upload, place, content);
  if (whole !== undefined) finishUpload(db, upload, args, whole);
  return upload;
}

export function dropUpload(db: Connection, { owner, upload }: UploadArgs): void {
  db.run(
    'DELETE FROM artifacts WHERE artifact = ? AND tenant_id = ? AND user_id = ? AND digest IS NULL',
    upload,
    owner.tenantId,
    owner.userId,
  );
}

/** F2. Only at open, when nothing is being uploaded. */
export function dropLeftovers(db: Connection): void {
  db.run('DELETE FROM artifacts WHERE digest IS NULL');
}

export function deleteArtifact(db: Connection, { owner, artifactId }: ArtifactArgs): boolean {
  return db.run(`DELETE FROM artifacts WHERE ${WHOLE}`, owner.tenantId, owner.userId, artifactId) > 0;
}

export function findArtifact(db: Connection, owner: Owner, artifactId: string): KeptArtifact | undefined {
  const row = db.get(`SELECT ${COLUMNS} FROM artifacts WHERE ${WHOLE}`, owner.tenantId, owner.userId, artifactId);
  return row && { key: number(row, 'artifact'), record: asArtifact(row) };
}

export function listArtifacts(db: Connection, owner: Owner, run: RunId): readonly ArtifactRecord[] {
  const rows = db.all(
    `SELECT ${COLUMNS} FROM artifacts WHERE tenant_id = ? AND user_id = ? AND run_id = ? AND digest IS NOT NULL
      ORDER BY created_at, artifact`,
    owner.tenantId,
    owner.userId,
    run,
  );
  return rows.map(asArtifact);
}

/** `undefined` when the artifact was deleted or replaced since its key was read. */
export function readPiece(db: Connection, owner: Owner, { key, place }: PiecePlace): Uint8Array | undefined {
  const row = db.get(
    `SELECT p.content FROM artifacts a JOIN pieces p ON p.artifact = a.artifact
      WHERE a.artifact = ? AND a.tenant_id = ? AND a.user_id = ? AND p.place = ?`,
    key,
    owner.tenantId,
    owner.userId,
    place,
  );
  return row && bytes(row, 'content');
}

function beginUpload(db: Connection, { owner, artifact }: PieceArgs): number {
  const row = db.get(
    `INSERT INTO artifacts (tenant_id, user_id, artifact_id, run_id, kind, title, media_type, created_at)
      VALUES (?, ?, ?, ?, ?, ?, ?, ?) RETURNING artifact`,
    owner.tenantId,
    owner.userId,
    artifact.artifactId,
    artifact.runId ?? null,
    artifact.kind,
    artifact.title,
    artifact.mediaType,
    artifact.createdAt,
  );
  return number(row ?? {}, 'artifact');
}

function stillOpen(db: Connection, upload: number, { owner, artifact }: PieceArgs): number {
  const row = db.get(
    'SELECT artifact FROM artifacts WHERE artifact = ? AND tenant_id = ? AND user_id = ? AND digest IS NULL',
    upload,
    owner.tenantId,
    owner.userId,
  );
  if (row !== undefined) return upload;
  const { artifactId } = artifact;
  throw new EnginehouseError('NOT_FOUND', `artifact ${artifactId} was deleted with its run while it was written`, {
    what: 'artifact',
    id: artifactId,
  });
}

function finishUpload(db: Connection, upload: number, { owner, artifact }: PieceArgs, whole: Whole): void {
  deleteArtifact(db, { owner, artifactId: artifact.artifactId });
  db.run('UPDATE artifacts SET bytes = ?, digest = ? WHERE artifact = ?', whole.bytes, whole.digest, upload);
}
