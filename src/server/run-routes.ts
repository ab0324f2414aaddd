/** Runs over HTTP: list, start, look at, cancel. Each is read through its owner's store, so a foreign id is an unknown one. */

import { z } from 'zod';

import { isId, runId, threadId } from '../context/ids.ts';
import { isFinal, type RunStatus } from '../context/run-status.ts';
import { crcText, runStream } from '../context/wire.ts';
import type { OwnedStore, RunRecord } from '../event/store.ts';
import { notFound, type DoorApp, type DoorContext } from './answer.ts';
import { cancelRun, startRun } from './commands.ts';
import type { DoorDeps } from './door-deps.ts';
import { check, pageLimit, readJson, readQuery, requestInvalid, wholeNumber } from './request-input.ts';

const UNADDRESSABLE = 'must not be "." or "..", which no address can hold';

const startBody = z.strictObject({
  agent: z.string().min(1).max(128),
  input: z.unknown().optional(),
  runId: z.string().refine(isAddressable, UNADDRESSABLE).optional(),
  threadId: z.string().optional(),
});

const cancelBody = z.strictObject({ reason: z.string().max(1_000).optional() }).default({});

const STATUSES: readonly RunStatus[] = ['queued', 'running', 'parked', 'completed', 'failed', 'cancelled'];

const listQuery = z.strictObject({
  limit: wholeNumber.optional(),
  cursor: z.string().max(400).transform(parseCursor).optional(),
  threadId: z.string().optional(),
  parentRunId: z.string().optional(),
  status: z.enum(STATUSES).optional(),
});

export function addRunRoutes(app: DoorApp, deps: DoorDeps): void {
  app.get('/api/runs', (c) => listRuns(c, deps));
  app.post('/api/runs', (c) => start(c, deps));
  app.get('/api/runs/:id', (c) => show(c, deps));
  app.post('/api/runs/:id/cancel', (c) => cancel(c, deps));
}

async function listRuns(c: DoorContext, { store, limits }: DoorDeps): Promise<Response> {
  const { cursor, ...filter } = readQuery(c, listQuery);
  const limit = pageLimit(filter.limit, limits.pageSize);
  const rows = await store.for(c.get('principal')).runs.list({
    // One more than asked for tells whether there is a next page.
    limit: limit + 1,
    before: cursor,
    threadId: filter.threadId === undefined ? undefined : threadId(filter.threadId),
    parentRunId: filter.parentRunId === undefined ? undefined : runId(filter.parentRunId),
    status: filter.status,
  });
  const page = rows.slice(0, limit);
  const last = page.at(-1);
  const next = last !== undefined && rows.length > limit ? pageCursor(last) : undefined;
  return c.json({ runs: page.map(runJson), next });
}

async function start(c: DoorContext, { desk, store, ids, ...deps }: DoorDeps): Promise<Response> {
  const body = await readJson(c, startBody, deps);
  const principal = c.get('principal');
  const id = check('Idempotency-Key header', startBody.shape.runId, body.runId ?? idempotencyKey(c)) ?? ids.next();
  const started = await startRun(desk, principal, {
    agent: body.agent,
    input: body.input,
    runId: id,
    threadId: body.threadId,
  });
  const head = await store.for(principal).log.head(started.runId);
  if (head === undefined) throw notFound('run', started.runId);
  c.header('Location', `/api/runs/${encodeURIComponent(started.runId)}`);
  const at = { s: runStream(started.runId), seq: started.seq };
  return c.json({ runId: started.runId, threadId: started.threadId, status: head.status, at }, 202);
}

async function show(c: DoorContext, { store }: DoorDeps): Promise<Response> {
  const owned = store.for(c.get('principal'));
  const run = await findRun(owned, c.req.param('id'));
  return c.json({ ...runJson(run), ...(await ending(owned, run)) });
}

async function cancel(c: DoorContext, { desk, ids, ...deps }: DoorDeps): Promise<Response> {
  const { reason } = await readJson(c, cancelBody, deps);
  const id = runId(c.req.param('id'));
  const commandId = idempotencyKey(c) ?? ids.next();
  const { seq } = await cancelRun(desk, c.get('principal'), { commandId, runId: id, reason });
  return c.json({ at: { s: runStream(id), seq } }, 202);
}

/** @throws `ID_INVALID`, `NOT_FOUND` */
export async function findRun(owned: OwnedStore, id: unknown): Promise<RunRecord> {
  const run = await owned.runs.get(runId(id));
  if (run === undefined) throw notFound('run', String(id));
  return run;
}

/** What the terminal event carries: `result` or `resultArtifact`, `error`, or `reason` and `by`. */
async function ending({ log }: OwnedStore, run: RunRecord): Promise<object> {
  if (!isFinal(run.status)) return {};
  const [terminal] = await log.read(run.runId, run.head - 1, 1);
  return terminal?.data ?? {};
}

/** What a user is shown of a run: a list of names, so that what is added to the record is not shown by itself. */
function runJson(run: RunRecord): object {
  return {
    runId: run.runId,
    threadId: run.threadId,
    agent: run.agent,
    version: run.version,
    status: run.status,
    head: run.head,
    epoch: run.epoch,
    crc: crcText(run.crc),
    origin: run.origin,
    parentRunId: run.parentRunId,
    acceptedAt: run.acceptedAt,
    endedAt: run.endedAt,
  };
}

function isAddressable(id: string): boolean {
  return id !== '.' && id !== '..';
}

/** @throws `REQUEST_INVALID` */
function idempotencyKey(c: DoorContext): string | undefined {
  const key = c.req.header('idempotency-key');
  if (key === undefined || isId(key)) return key;
  throw requestInvalid('Idempotency-Key header', ['must be 1 to 128 characters without control characters']);
}

function pageCursor({ acceptedAt, runId: id }: RunRecord): string {
  return Buffer.from(JSON.stringify([acceptedAt, id])).toString('base64url');
}

function parseCursor(text: string, issues: z.RefinementCtx): { readonly acceptedAt: number; readonly runId: string } {
  try {
    const [acceptedAt, id] = z
      .tuple([z.number(), z.string()])
      .parse(JSON.parse(Buffer.from(text, 'base64url').toString()));
    return { acceptedAt, runId: id };
  } catch {
    issues.addIssue('must be the `next` of an earlier page');
    return z.NEVER;
  }
}
