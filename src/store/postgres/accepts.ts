/** The runs that a group accepts, as one statement: thread, run, lease and first event of each. */

import { isRecord } from '../../base/is-record.ts';
import { numberEvents, statusWith } from '../log/append-rules.ts';
import type { OpenLogs } from '../log/open-logs.ts';
import type { Outcome } from '../log/outcome.ts';
import { asRun } from '../log/records.ts';
import { optionalNumber, type Row } from '../log/row.ts';
import type { AcceptArgs } from '../log/writes.ts';
import { ownerText } from './layout.ts';
import { prepared } from './prepared.ts';
import { RUN_RECORD } from './reads.ts';
import type { Step } from './step.ts';

// A run that is there already is given as it is, and only then looked at. One that another process made meanwhile is
// neither made nor seen here, and asked for again.
const accept = prepared(
  'accept',
  `WITH asked AS (
     SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[],
         $9::text[], $10::text[], $11::double precision[], $12::text[], $13::text[], $14::text[], $15::bigint[], $16::text[])
       WITH ORDINALITY AS a (owner, run_id, thread_id, agent, version, origin, parent_run_id, input_digest,
         context, epoch, accepted_at, holder, status, type, crc, data, place)
   ), made AS (
     INSERT INTO enginehouse.runs (owner, run_id, thread_id, agent, version, origin, parent_run_id, input_digest, context, epoch, accepted_at)
     SELECT owner, run_id, thread_id, agent, version, origin, parent_run_id, input_digest, context, epoch, accepted_at
       FROM asked ORDER BY place
     ON CONFLICT (owner, run_id) DO NOTHING
     RETURNING run, owner, run_id, thread_id, origin, accepted_at
   ), begun AS (
     INSERT INTO enginehouse.states (run, owner, run_id, origin, accepted_at, holder, generation, status, head, crc)
     SELECT m.run, m.owner, m.run_id, m.origin, m.accepted_at, a.holder, 1, a.status, 1, a.crc
       FROM made m JOIN asked a ON a.owner = m.owner AND a.run_id = m.run_id
   ), first AS (
     INSERT INTO enginehouse.events (run, seq, owner, type, at, crc, data)
     SELECT m.run, 1, m.owner, a.type, m.accepted_at, a.crc, a.data
       FROM made m JOIN asked a ON a.owner = m.owner AND a.run_id = m.run_id
   ), moved AS (
     INSERT INTO enginehouse.threads (owner, thread_id, created_at, updated_at)
     SELECT owner, thread_id, (array_agg(accepted_at ORDER BY run))[1], max(accepted_at)
       FROM made GROUP BY owner, thread_id ORDER BY owner, thread_id
     ON CONFLICT (owner, thread_id) DO UPDATE SET updated_at = greatest(threads.updated_at, excluded.updated_at)
   )
   SELECT m.run AS made, CASE WHEN m.run IS NULL THEN
       (SELECT row_to_json(known) FROM (${RUN_RECORD} WHERE r.owner = a.owner AND r.run_id = a.run_id) known) END AS known
     FROM asked a LEFT JOIN made m ON m.owner = a.owner AND m.run_id = a.run_id ORDER BY a.place`,
);

/** What is new is remembered in `logs` at once: an append compares it with what was committed. */
export function acceptStep(accepts: readonly AcceptArgs[], logs: OpenLogs): Step {
  if (accepts.length === 0) return { statements: [], outcomes: () => [] };
  const begun = accepts.map(({ run }) => {
    const [first] = numberEvents({ head: 0, crc: 0 }, [run.accepted]);
    return { crc: first?.crc ?? 0, status: statusWith('queued', [run.accepted]) };
  });
  const statement = accept(
    accepts.map(({ owner }) => ownerText(owner)),
    accepts.map(({ run }) => run.runId),
    accepts.map(({ run }) => run.threadId),
    accepts.map(({ run }) => run.agent),
    accepts.map(({ run }) => run.version),
    accepts.map(({ run }) => run.origin),
    accepts.map(({ run }) => run.parentRunId ?? null),
    accepts.map(({ run }) => run.inputDigest),
    accepts.map(({ run }) => run.context),
    accepts.map(({ epoch }) => epoch),
    accepts.map(({ run }) => run.accepted.at),
    accepts.map(({ run }) => run.holder),
    begun.map(({ status }) => status),
    accepts.map(({ run }) => run.accepted.type),
    begun.map(({ crc }) => crc),
    accepts.map(({ run }) => run.accepted.data),
  );
  const settle = (row: Row, index: number): Outcome | undefined => {
    const [args, state] = [accepts[index], begun[index]];
    const made = optionalNumber(row, 'made');
    if (args === undefined || state === undefined) return undefined;
    if (made === undefined) {
      const { known } = row;
      return isRecord(known) ? { result: { created: false, run: asRun(known) } } : undefined;
    }
    const { holder: _, accepted, ...facts } = args.run;
    const head = { head: 1, ...state };
    logs.remember(args.owner, facts.runId, { run: made, generation: 1, ...head });
    const run = { ...facts, ...head, epoch: args.epoch, generation: 1, acceptedAt: accepted.at, endedAt: undefined };
    return { result: { created: true, run } };
  };
  return { statements: [statement], outcomes: ([result]) => result?.rows.map(settle) ?? [] };
}
