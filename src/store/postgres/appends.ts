/**
 * The appends of a group, as one statement for all of them.
 *
 *   A1. Where a log stands is remembered, so nothing is read before. Run,
 *       generation, head and checksum are compared and set; when one log stands
 *       elsewhere, the statement fails and nothing of the group is written.
 *   A2. What is remembered may be old, because another process may have written
 *       meanwhile. So nothing is refused on it: a doubtful append is planned
 *       again on what the database says.
 *   A3. Appends to one run follow each other, in the order they were made.
 */

import { isEnginehouseError } from '../../base/errors.ts';
import { ownerKey, type Owner, type RunId } from '../../context/ids.ts';
import { isTerminal, type RunStatus } from '../../context/run-status.ts';
import { noRun, numberEvents, refuseIntruder, statusWith, type NumberedEvent } from '../log/append-rules.ts';
import { asRefusal, type Outcome } from '../log/outcome.ts';
import type { OpenLog } from '../log/open-logs.ts';
import type { AppendArgs } from '../log/writes.ts';
import { ownerText } from './layout.ts';
import { prepared, type Statement } from './prepared.ts';
import type { Step } from './step.ts';

// Each row is looked up by itself, and by its place: no statistics, or old ones, can make a scan of it.
const append = prepared(
  'append',
  `WITH asked AS MATERIALIZED (
     SELECT a.new_head, a.new_crc, a.status, a.ended_at,
         (SELECT s.ctid FROM enginehouse.states s
           WHERE s.run = a.run AND s.owner = a.owner AND s.generation = a.generation AND s.head = a.head AND s.crc = a.crc) AS place
       FROM unnest($1::bigint[], $2::text[], $3::integer[], $4::integer[], $5::bigint[], $6::integer[], $7::bigint[], $8::text[], $9::double precision[])
         AS a (run, owner, generation, head, crc, new_head, new_crc, status, ended_at)
   ), won AS (
     UPDATE enginehouse.states s SET head = a.new_head, crc = a.new_crc, status = a.status, ended_at = a.ended_at
       FROM asked a WHERE s.ctid = a.place
     RETURNING s.run
   ), added AS (
     INSERT INTO enginehouse.events (run, seq, owner, type, at, crc, data)
     SELECT * FROM unnest($10::bigint[], $11::integer[], $12::text[], $13::text[], $14::double precision[], $15::bigint[], $16::text[])
   )
   SELECT enginehouse.expect(cardinality($1::bigint[]), (SELECT count(*) FROM won))`,
);

/** Moves the threads of the runs that have ended. */
const moveThreads = prepared(
  'move_threads',
  `WITH ended AS MATERIALIZED (
     SELECT a.owner, (SELECT r.thread_id FROM enginehouse.runs r WHERE r.run = a.run) AS thread_id, a.at
       FROM unnest($1::bigint[], $2::text[], $3::double precision[]) AS a (run, owner, at)
   ), moved AS MATERIALIZED (
     SELECT (SELECT t.ctid FROM enginehouse.threads t WHERE t.owner = e.owner AND t.thread_id = e.thread_id) AS place, max(e.at) AS at
       FROM ended e GROUP BY e.owner, e.thread_id
   )
   UPDATE enginehouse.threads t SET updated_at = greatest(t.updated_at, m.at) FROM moved m WHERE t.ctid = m.place`,
);

export const findLogs = prepared(
  'find_logs',
  `SELECT a.place, s.* FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS a (owner, run_id, place)
     CROSS JOIN LATERAL (
       SELECT s.run, s.generation, s.head, s.crc, s.status FROM enginehouse.states s
        WHERE s.run = (SELECT r.run FROM enginehouse.runs r WHERE r.owner = a.owner AND r.run_id = a.run_id) OFFSET 0) s`,
);

/** What becomes of one log. */
interface LogPlan {
  readonly owner: Owner;
  readonly runId: RunId;
  readonly before: OpenLog | undefined;
  after: OpenLog | undefined;
  readonly events: NumberedEvent[];
  endedAt: number | null;
  /** Something is refused, or asked for without being written. */
  doubtful: boolean;
}

export interface AppendPlan {
  readonly step: Step;
  /** Runs to be looked at before anything is refused. */
  readonly doubtful: readonly Pick<LogPlan, 'owner' | 'runId'>[];
  /** Where the logs stand once the transaction has ended well. */
  readonly logs: readonly LogPlan[];
}

export type FindLog = (owner: Owner, runId: RunId) => OpenLog | undefined;

export function planAppends(appends: readonly AppendArgs[], find: FindLog): AppendPlan {
  const plans = new Map<string, LogPlan>();
  const outcomes = appends.map((args) => {
    const key = runKey(args.owner, args.runId);
    const plan = plans.get(key) ?? newPlan(args, find);
    plans.set(key, plan);
    return planAppend(plan, args);
  });
  const logs = [...plans.values()];
  const writing = logs.filter(({ events }) => events.length > 0);
  return {
    step: {
      statements: writing.length === 0 ? [] : statementsFor(writing),
      outcomes: () => outcomes,
    },
    doubtful: logs.filter(({ doubtful }) => doubtful),
    logs,
  };
}

/** One text per run of an owner. */
export function runKey(owner: Owner, runId: string): string {
  return `${ownerKey(owner)}\u0000${runId}`;
}

function newPlan({ owner, runId }: AppendArgs, find: FindLog): LogPlan {
  const before = find(owner, runId);
  return { owner, runId, before, after: before, events: [], endedAt: null, doubtful: before === undefined };
}

function planAppend(plan: LogPlan, args: AppendArgs): Outcome {
  const log = plan.after;
  if (log === undefined) return { refusal: asRefusal(noRun(args.runId)) };
  try {
    refuseIntruder(log, args);
  } catch (error) {
    plan.doubtful = true;
    if (isEnginehouseError(error)) return { refusal: asRefusal(error) };
    throw error;
  }
  const events = numberEvents(log, args.events);
  const last = events.at(-1);
  if (last === undefined) {
    plan.doubtful = true;
    return { result: log.head };
  }
  plan.events.push(...events);
  if (isTerminal(last.type)) plan.endedAt = last.at;
  plan.after = { ...log, head: last.seq, crc: last.crc, status: statusWith(log.status, args.events) };
  return { result: last.seq };
}

interface StateChange {
  readonly run: number;
  readonly owner: string;
  readonly before: OpenLog;
  readonly head: number;
  readonly crc: number;
  readonly status: RunStatus;
  readonly endedAt: number | null;
}

function statementsFor(plans: readonly LogPlan[]): readonly Statement[] {
  const changes = plans.flatMap((plan) => changeOf(plan));
  const events = plans.flatMap(({ owner, before, events: added }) =>
    before === undefined ? [] : added.map((event) => ({ ...event, run: before.run, owner: ownerText(owner) })),
  );
  const write = append(
    changes.map(({ run }) => run),
    changes.map(({ owner }) => owner),
    changes.map(({ before }) => before.generation),
    changes.map(({ before }) => before.head),
    changes.map(({ before }) => before.crc),
    changes.map(({ head }) => head),
    changes.map(({ crc }) => crc),
    changes.map(({ status }) => status),
    changes.map(({ endedAt }) => endedAt),
    events.map(({ run }) => run),
    events.map(({ seq }) => seq),
    events.map(({ owner }) => owner),
    events.map(({ type }) => type),
    events.map(({ at }) => at),
    events.map(({ crc }) => crc),
    events.map(({ data }) => data),
  );
  const ended = changes.filter(({ endedAt }) => endedAt !== null);
  return ended.length === 0 ? [write] : [write, moveThreadsOf(ended)];
}

function changeOf({ owner, before, after, endedAt }: LogPlan): readonly StateChange[] {
  if (before === undefined || after === undefined) return [];
  const { head, crc, status } = after;
  return [{ run: before.run, owner: ownerText(owner), before, head, crc, status, endedAt }];
}

function moveThreadsOf(ended: readonly StateChange[]): Statement {
  return moveThreads(
    ended.map(({ run }) => run),
    ended.map(({ owner }) => owner),
    ended.map(({ endedAt }) => endedAt),
  );
}
