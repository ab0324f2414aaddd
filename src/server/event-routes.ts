/**
 * The log of a run over HTTP: a page of it, or the live stream of it as
 * server-sent events, with the same cursor.
 *
 *   E1. A stream's ids are `<epoch>.<seq>`. Last-Event-ID of this epoch goes on
 *       after it; another epoch proves nothing and starts at 1.
 *   E2. A stream ends after the terminal event. Whoever has that already is
 *       answered 204, which tells an EventSource to stay away.
 *   E3. A page is bounded in events and in bytes; `next` says where to go on.
 */

import { z } from 'zod';

import { isEnginehouseError } from '../base/errors.ts';
import type { AgentEvent } from '../context/event.ts';
import { isFinal } from '../context/run-status.ts';
import type { OwnedStore, RunRecord } from '../event/store.ts';
import { notFound, type DoorApp, type DoorContext } from './answer.ts';
import type { DoorDeps } from './door-deps.ts';
import type { OpenStreams } from './open-streams.ts';
import { pageLimit, readQuery, requestInvalid, wholeNumber } from './request-input.ts';
import { findRun } from './run-routes.ts';
import { sendBody } from './send-body.ts';

/** Events of a page for each row of a listing's page. */
const EVENTS_PER_ROW = 10;
const PAGE_BYTES = 1_048_576;
const READ_AT_ONCE = 100;

const encoder = new TextEncoder();
const HEARTBEAT = { everyMs: 15_000, piece: encoder.encode(': still here\n\n') };

const eventsQuery = z.strictObject({ after: wholeNumber.default(0), limit: wholeNumber.optional() });

export function addEventRoutes(app: DoorApp, deps: DoorDeps, streams: OpenStreams): void {
  app.get('/api/runs/:id/events', async (c) => {
    const { after, ...query } = readQuery(c, eventsQuery);
    const limit = pageLimit(query.limit, deps.limits.pageSize * EVENTS_PER_ROW);
    const owned = deps.store.for(c.get('principal'));
    const run = await findRun(owned, c.req.param('id'));
    if (wantsStream(c))
      return sendEvents(c, run, { deps, streams, after: streamCursor(c, run) ?? refuseAhead(run, after) });
    return sendPage(c, owned, { run, after: refuseAhead(run, after), limit });
  });
}

function wantsStream(c: DoorContext): boolean {
  return /\btext\/event-stream\b/i.test(c.req.header('accept') ?? '');
}

/** E1. @throws `REQUEST_INVALID` when the header is no id of ours, or is ahead of the log. */
function streamCursor(c: DoorContext, run: RunRecord): number | undefined {
  const header = c.req.header('last-event-id');
  if (header === undefined) return undefined;
  const [matched, epoch, seq] = /^(.{1,64})\.(\d{1,15})$/.exec(header) ?? [];
  if (matched === undefined)
    throw requestInvalid('Last-Event-ID header', ['must be the id of an event of this run, <epoch>.<seq>']);
  return epoch === run.epoch ? refuseAhead(run, Number(seq)) : 0;
}

function refuseAhead(run: RunRecord, after: number): number {
  if (after <= run.head) return after;
  throw requestInvalid('cursor', [`after must be at most ${run.head}, the head of the run's log, got ${after}`]);
}

interface StreamRequest {
  readonly deps: DoorDeps;
  readonly streams: OpenStreams;
  readonly after: number;
}

function sendEvents(c: DoorContext, run: RunRecord, { deps, streams, after }: StreamRequest): Response {
  if (isFinal(run.status) && after >= run.head) return c.body(null, 204);
  const headers = { 'Content-Type': 'text/event-stream; charset=utf-8', 'X-Accel-Buffering': 'no' };
  if (c.req.method === 'HEAD') return c.body(null, 200, headers);
  const principal = c.get('principal');
  const stream = streams.open(principal);
  const body = sendBody(c, deps, {
    what: `the event stream of run ${run.runId}`,
    open: (signal) => framesOf(deps.bridge.follow(principal, run.runId, after, signal), run.epoch),
    until: stream.until,
    heartbeat: HEARTBEAT,
    ended: () => stream[Symbol.dispose](),
  });
  return c.body(body, 200, headers);
}

async function* framesOf(batches: AsyncIterable<readonly AgentEvent[]>, epoch: string): AsyncGenerator<Uint8Array> {
  try {
    for await (const batch of batches) {
      yield encoder.encode(
        batch.map((event) => `id: ${epoch}.${event.seq}\ndata: ${JSON.stringify(event)}\n\n`).join(''),
      );
    }
  } catch (error) {
    // The bridge closes with the runtime. Without a terminal event the client knows that there is more, and comes back.
    if (!isEnginehouseError(error, 'CLOSED')) throw error;
  }
}

interface PageRequest {
  readonly run: RunRecord;
  readonly after: number;
  readonly limit: number;
}

async function sendPage(c: DoorContext, owned: OwnedStore, request: PageRequest): Promise<Response> {
  const { runId } = request.run;
  const { events, next } = await readPage(owned, request);
  // Read after the events, so that the head is never behind them.
  const head = await owned.log.head(runId);
  if (head === undefined) throw notFound('run', runId);
  const rest = JSON.stringify({ head: head.head, status: head.status, next }).slice(1);
  return c.body(`{"events":[${events.join(',')}],${rest}`, 200, { 'Content-Type': 'application/json' });
}

/** E3: events as JSON text, and the seq of the last. */
async function readPage(
  { log }: OwnedStore,
  { run, after, limit }: PageRequest,
): Promise<{ readonly events: readonly string[]; readonly next: number }> {
  const events: string[] = [];
  let bytes = 0;
  let next = after;
  for (let ended = false; !ended;) {
    const wanted = Math.min(READ_AT_ONCE, limit - events.length);
    const batch = await log.read(run.runId, next, wanted);
    for (const event of batch) {
      const text = JSON.stringify(event);
      events.push(text);
      bytes += text.length;
      next = event.seq;
      if (bytes >= PAGE_BYTES) return { events, next };
    }
    ended = batch.length < wanted || events.length === limit;
  }
  return { events, next };
}
