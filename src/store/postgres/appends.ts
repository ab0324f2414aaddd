/**
 * The appends of a group, as one statement for all of them.
 *
 *   A1. Where a log stands is remembered, so nothing is read before. The
 *       statement writes only to logs that still stand there: run, generation,
 *       head and checksum are compared and set.
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
import { number } from '../log/row.ts';
import type { AppendArgs } from '../log/writes.ts';
import { ownerText } from './layout.ts';
import { prepared, type Statement } from './prepared.ts';
import type { Step } from './step.ts';

const append = prepared(
  'append',
  `WITH asked AS (
     SELECT * FROM unnest($1::bigint[], $2::text[], $3::integer[], $4::integer[], $5::bigint[], $6::integer[], $7::bigint[], $8::text[], $9::double precision[])
       AS a (run, owner, generation, head, crc, new_head, new_crc, status, ended_at)
   ), won AS (
     UPDATE enginehouse.states s SET head = a.new_head, crc = a.new_crc, status = a.status, ended_at = a.ended_at
       FROM asked a
      WHERE s.run = a.run AND s.owner = a.owner AND s.generation = a.generation AND s.head = a.head AND s.crc = a.crc
        AND s.ended_at IS NULL
      RETURNING s.run, s.owner
   ), added AS (
     INSERT INTO enginehouse.events (run, seq, owner, type, at, crc, data)
     SELECT w.run, e.seq, w.owner, e.type, e.at, e.crc, e.data
       FROM unnest($10::bigint[], $11::integer[], $12::text[], $13::double precision[], $14::bigint[], $15::text[])
         AS e (run, seq, type, at, crc, data) JOIN won w ON w.run = e.run
   )
   SELECT run FROM won`,
);

/** Moves the threads of the runs that have ended, which is known by the state that the statement before set. */
const moveThreads = prepared(
  'move_threads',
  `UPDATE enginehouse.threads t SET updated_at = greatest(t.updated_at, m.at)
     FROM (SELECT r.owner, r.thread_id, max(a.at) AS at
             FROM unnest($1::bigint[], $2::integer[], $3::bigint[], $4::double precision[]) AS a (run, head, crc, at)
             JOIN enginehouse.states s ON s.run = a.run AND s.head = a.head AND s.crc = a.crc AND s.ended_at = a.at
             JOIN enginehouse.runs r ON r.run = a.run
            GROUP BY r.owner, r.thread_id) m
    WHERE t.owner = m.owner AND t.thread_id = m.thread_id`,
);

export const findLogs = prepared(
  'find_logs',
  `SELECT a.place, s.run, s.generation, s.head, s.crc, s.status
     FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS a (owner, run_id, place)
     JOIN enginehouse.runs r ON r.owner = a.owner AND r.run_id = a.run_id
     JOIN enginehouse.states s ON s.run = r.run`,
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
  const planned = appends.map((args) => {
    const key = runKey(args.owner, args.runId);
    const plan = plans.get(key) ?? newPlan(args, find);
    plans.set(key, plan);
    return { plan, outcome: planAppend(plan, args) };
  });
  const logs = [...plans.values()];
  const writing = logs.filter(({ events }) => events.length > 0);
  return {
    step: {
      statements: writing.length === 0 ? [] : statementsFor(writing),
      outcomes: ([result]) => {
        const won = new Set(result?.rows.map((row) => number(row, 'run')));
        const stands = ({ events, before }: LogPlan): boolean =>
          events.length === 0 || (before !== undefined && won.has(before.run));
        return planned.map(({ plan, outcome }) => (stands(plan) ? outcome : undefined));
      },
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
  const events = plans.flatMap(({ before, events: added }) =>
    before === undefined ? [] : added.map((event) => ({ ...event, run: before.run })),
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
    ended.map(({ head }) => head),
    ended.map(({ crc }) => crc),
    ended.map(({ endedAt }) => endedAt),
  );
}
