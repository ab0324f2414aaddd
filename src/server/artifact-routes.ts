/**
 * A user's files over HTTP, streamed both ways.
 *
 *   F1. A file is never shown by the browser as a page of this server: it is an
 *       attachment, of the stated type only, in a sandbox without rights.
 *   F2. A download is all that was promised, or the connection is cut.
 */

import { z } from 'zod';

import { EnginehouseError } from '../base/errors.ts';
import type { ArtifactRecord, OwnedStore } from '../event/store.ts';
import { notFound, type DoorApp, type DoorContext } from './answer.ts';
import { parseByteRange } from './byte-range.ts';
import type { DoorDeps } from './door-deps.ts';
import { contentOf, readQuery, refuseLarge, requestInvalid } from './request-input.ts';
import { findRun } from './run-routes.ts';
import { sendBody } from './send-body.ts';

// No control characters: a title becomes a file name in a header.
const TITLE = /^[^\u0000-\u001f\u007f-\u009f]{1,256}$/;
const MEDIA_TYPE =
  /^[\w!#$&^.+-]{1,100}\/[\w!#$&^.+-]{1,100}(\s*;\s*[\w!#$&^.+-]{1,50}=("[\w !#$&^.+:/=-]{0,100}"|[\w!#$&^.+-]{1,100}))*$/;

const uploadQuery = z.strictObject({
  title: z.string().regex(TITLE, 'must be 1 to 256 characters without control characters'),
  kind: z
    .string()
    .regex(/^[a-z0-9_-]{1,64}$/, 'must be 1 to 64 of a-z, 0-9, "-" and "_"')
    .default('file'),
  runId: z.string().optional(),
});
const listQuery = z.strictObject({ runId: z.string() });

export function addArtifactRoutes(app: DoorApp, deps: DoorDeps): void {
  app.get('/api/artifacts', (c) => list(c, deps));
  app.post('/api/artifacts', (c) => upload(c, deps));
  app.get('/api/artifacts/:id', (c) => download(c, deps));
  app.delete('/api/artifacts/:id', (c) => remove(c, deps));
}

async function list(c: DoorContext, { store }: DoorDeps): Promise<Response> {
  const owned = store.for(c.get('principal'));
  const run = await findRun(owned, readQuery(c, listQuery).runId);
  return c.json({ artifacts: await owned.artifacts.list(run.runId) });
}

async function upload(c: DoorContext, { store, ids, ...deps }: DoorDeps): Promise<Response> {
  const { runId: run, title, kind } = readQuery(c, uploadQuery);
  const mediaType = c.req.header('content-type') ?? 'application/octet-stream';
  if (!MEDIA_TYPE.test(mediaType))
    throw requestInvalid('content-type', [`must be a media type, got ${mediaType.slice(0, 100)}`]);
  const limitBytes = deps.limits.artifactBytes;
  refuseLarge('the artifact', Number(c.req.header('content-length') ?? 0), limitBytes);
  const owned = store.for(c.get('principal'));
  const runId = run === undefined ? undefined : (await findRun(owned, run)).runId;
  const artifact = { artifactId: ids.next(), runId, kind, title, mediaType, createdAt: deps.clock.now() };
  const kept = await owned.artifacts.put(artifact, contentOf(c.req.raw, deps), limitBytes);
  c.header('Location', `/api/artifacts/${encodeURIComponent(kept.artifactId)}`);
  return c.json(kept, 201);
}

async function download(c: DoorContext, deps: DoorDeps): Promise<Response> {
  const owned = deps.store.for(c.get('principal'));
  const artifact = await find(owned, c.req.param('id'));
  const part = wantedPart(c, artifact);
  const { start, end } = part ?? { start: 0, end: artifact.bytes };
  const headers = {
    ...safeHeaders(artifact),
    'Content-Length': String(end - start),
    ...(part === undefined ? {} : { 'Content-Range': `bytes ${start}-${end - 1}/${artifact.bytes}` }),
  };
  const status = part === undefined ? 200 : 206;
  if (c.req.method === 'HEAD' || start === end) return c.body(null, status, headers);
  const open = (): AsyncIterable<Uint8Array> =>
    exactly(end - start, owned.artifacts.read(artifact.artifactId, start, end));
  return c.body(sendBody(c, deps, { what: `artifact ${artifact.artifactId}`, open }), status, headers);
}

async function remove(c: DoorContext, { store }: DoorDeps): Promise<Response> {
  const id = c.req.param('id');
  if (id === undefined || !(await store.for(c.get('principal')).artifacts.delete(id)))
    throw notFound('artifact', String(id));
  return c.body(null, 204);
}

async function find({ artifacts }: OwnedStore, id: string | undefined): Promise<ArtifactRecord> {
  const artifact = id === undefined ? undefined : await artifacts.get(id);
  if (artifact === undefined) throw notFound('artifact', String(id));
  return artifact;
}

/** A part is asked for by Range; If-Range of another content asks for the whole of this one. */
function wantedPart(c: DoorContext, artifact: ArtifactRecord): ReturnType<typeof parseByteRange> {
  const condition = c.req.header('if-range');
  if (condition !== undefined && condition !== entityTag(artifact)) return undefined;
  return parseByteRange(c.req.header('range'), artifact.bytes);
}

function entityTag({ digest }: ArtifactRecord): string {
  return `"${digest}"`;
}

/** F1. */
function safeHeaders(artifact: ArtifactRecord): Record<string, string> {
  const { title, mediaType } = artifact;
  const plain = title.replaceAll(/[^\x20-\x7e]|["\\%]/g, '_');
  const encoded = encodeURIComponent(title.toWellFormed()).replaceAll(
    /['()*]/g,
    (mark) => `%${mark.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  return {
    'Content-Type': MEDIA_TYPE.test(mediaType) ? mediaType : 'application/octet-stream',
    'Content-Disposition': `attachment; filename="${plain}"; filename*=UTF-8''${encoded}`,
    'Content-Security-Policy': 'sandbox',
    'Accept-Ranges': 'bytes',
    ETag: entityTag(artifact),
  };
}

/** F2: an artifact that is deleted or replaced meanwhile has other bytes than promised. */
async function* exactly(bytes: number, pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let sent = 0;
  for await (const piece of pieces) {
    sent += piece.length;
    yield piece;
  }
  if (sent === bytes) return;
  const reason = `${sent} of ${bytes} bytes were there`;
  throw new EnginehouseError('STORE_FAILED', `an artifact changed while it was read: ${reason}`, {
    operation: 'read an artifact',
    reason,
  });
}
