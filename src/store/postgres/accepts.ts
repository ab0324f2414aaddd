/** The runs that a group accepts, as one statement: thread, run, lease and first event of each. */

import type { LogHead, RunRecord } from '../../event/store.ts';
import { numberEvents, statusWith } from '../log/append-rules.ts';
import type { OpenLogs } from '../log/open-logs.ts';
import type { Outcome } from '../log/outcome.ts';
import { number } from '../log/row.ts';
import type { AcceptArgs } from '../log/writes.ts';
import { ownerText } from './layout.ts';
import { prepared, type Statement } from './prepared.ts';
import { RUN_RECORD } from './reads.ts';
import type { Step } from './step.ts';

// One that is there already is a violation of the index, and nothing of the group is written.
const accept = prepared(
  'accept',
  `WITH asked AS MATERIALIZED (
     SELECT nextval('enginehouse.runs_run_seq') AS run, a.*
       FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[],
           $9::text[], $10::text[], $11::double precision[], $12::text[], $13::text[], $14::text[], $15::bigint[], $16::text[])
         AS a (owner, run_id, thread_id, agent, version, origin, parent_run_id, input_digest,
           context, epoch, accepted_at, holder, status, type, crc, data)
   ), made AS (
     INSERT INTO enginehouse.runs (run, owner, run_id, thread_id, agent, version, origin, parent_run_id, input_digest, context, epoch, accepted_at)
     SELECT run, owner, run_id, thread_id, agent, version, origin, parent_run_id, input_digest, context, epoch, accepted_at
       FROM asked
   ), begun AS (
     INSERT INTO enginehouse.states (run, owner, run_id, origin, accepted_at, holder, generation, status, head, crc)
     SELECT run, owner, run_id, origin, accepted_at, holder, 1, status, 1, crc FROM asked
   ), first AS (
     INSERT INTO enginehouse.events (run, seq, owner, type, at, crc, data)
     SELECT run, 1, owner, type, accepted_at, crc, data FROM asked
   ), moved AS (
     INSERT INTO enginehouse.threads (owner, thread_id, created_at, updated_at)
     SELECT owner, thread_id, (array_agg(accepted_at ORDER BY run))[1], max(accepted_at)
       FROM asked GROUP BY owner, thread_id ORDER BY owner, thread_id
     ON CONFLICT (owner, thread_id) DO UPDATE SET updated_at = greatest(threads.updated_at, excluded.updated_at)
   )
   SELECT run FROM asked ORDER BY run`,
);

/** The runs of a list that are there. */
export const findRuns = prepared(
  'find_runs',
  `SELECT a.place, k.* FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS a (wanted_owner, wanted_run_id, place)
     CROSS JOIN LATERAL (${RUN_RECORD} WHERE r.owner = a.wanted_owner AND r.run_id = a.wanted_run_id OFFSET 0) k`,
);

export interface AcceptDeps {
  /** What is new is remembered here once it is committed. */
  readonly logs: OpenLogs;
  /** Runs that are there already, by their place in the list: they are given back as they are. */
  readonly known: ReadonlyMap<number, RunRecord>;
}

export function acceptStep(accepts: readonly AcceptArgs[], { logs, known }: AcceptDeps): Step {
  const begun = accepts.flatMap((args, place) => (known.has(place) ? [] : [beginRun(args)]));
  return {
    statements: begun.length === 0 ? [] : [acceptAll(begun)],
    outcomes: ([result]) => {
      const made = begun.map(({ args, head }, index): Outcome => {
        const { holder: _, accepted, ...facts } = args.run;
        const key = number(result?.rows[index] ?? {}, 'run');
        logs.remember(args.owner, facts.runId, { run: key, generation: 1, ...head });
        const run = {
          ...facts,
          ...head,
          epoch: args.epoch,
          generation: 1,
          acceptedAt: accepted.at,
          endedAt: undefined,
        };
        return { result: { created: true, run } };
      });
      return accepts.flatMap((_, place) => {
        const run = known.get(place);
        return run === undefined ? made.splice(0, 1) : [{ result: { created: false, run } }];
      });
    },
  };
}

interface BegunRun {
  readonly args: AcceptArgs;
  readonly head: Pick<LogHead, 'head' | 'crc' | 'status'>;
}

function beginRun(args: AcceptArgs): BegunRun {
  const { accepted } = args.run;
  const crc = numberEvents({ head: 0, crc: 0 }, [accepted]).reduce((_, event) => event.crc, 0);
  return { args, head: { head: 1, crc, status: statusWith('queued', [accepted]) } };
}

function acceptAll(begun: readonly BegunRun[]): Statement {
  const runs = begun.map(({ args }) => args.run);
  return accept(
    begun.map(({ args }) => ownerText(args.owner)),
    runs.map(({ runId }) => runId),
    runs.map(({ threadId }) => threadId),
    runs.map(({ agent }) => agent),
    runs.map(({ version }) => version),
    runs.map(({ origin }) => origin),
    runs.map(({ parentRunId }) => parentRunId ?? null),
    runs.map(({ inputDigest }) => inputDigest),
    runs.map(({ context }) => context),
    begun.map(({ args }) => args.epoch),
    runs.map(({ accepted }) => accepted.at),
    runs.map(({ holder }) => holder),
    begun.map(({ head }) => head.status),
    runs.map(({ accepted }) => accepted.type),
    begun.map(({ head }) => head.crc),
    runs.map(({ accepted }) => accepted.data),
  );
}
