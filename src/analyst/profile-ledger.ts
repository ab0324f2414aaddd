/**
 * Profiles a ledger that is in the user's tables, with SQL: totals, span, exact
 * percentiles, and what each hour and model add up to. Everything that later
 * stations need of the rows, they read from here.
 */

import { sql } from 'kysely';

import { EnginehouseError } from '../base/errors.ts';
import { isoUtc } from '../base/utc.ts';
import type { ToolContext } from '../tool/tool.ts';
import type { Percentiles, Profile, Tokens } from './findings.ts';
import { READER_VERSION, type AnalystSession } from './tables.ts';

/** What profiling needs of a tool's context. */
export type SqlContext = Pick<ToolContext, 'database' | 'signal'>;

/** What the requests of one hour and one model add up to. */
export interface HourOfModel extends Tokens {
  /** Hours since the Unix epoch. */
  readonly hour: number;
  /** Empty when the ledger does not say. */
  readonly model: string;
}

/** Output beyond a number of tokens per request, added up for one model. */
export interface Excess {
  readonly model: string;
  readonly requests: number;
  readonly tokens: number;
}

const PAGE = 5_000;
const HOUR_MS = 3_600_000;

/**
 * Adds the ledger's hours up, once, and gives its totals and percentiles.
 *
 * @throws `NOT_FOUND` when no complete ledger of this digest is in the user's tables.
 */
export function profileLedger(digest: string, { database, signal }: SqlContext): Promise<Profile> {
  return database.transaction(
    async (db: AnalystSession) => {
      const ledger = await completeLedgerId(db, digest);
      await addUpHours(db, ledger);
      const totals = await db
        .selectFrom('enginehouse_analyst_row')
        .where('ledger', '=', ledger)
        .select((row) => [
          row.fn.countAll<number>().as('requests'),
          row.fn.sum<number>('input_tokens').as('inputTokens'),
          row.fn.sum<number>('output_tokens').as('outputTokens'),
          row.fn.min<number>('at').as('from'),
          row.fn.max<number>('at').as('to'),
        ])
        .executeTakeFirstOrThrow();
      return {
        requests: totals.requests,
        inputTokens: totals.inputTokens,
        outputTokens: totals.outputTokens,
        from: isoUtc(totals.from),
        to: isoUtc(totals.to),
        percentiles: {
          inputTokens: await percentilesOf(db, ledger, 'input_tokens'),
          outputTokens: await percentilesOf(db, ledger, 'output_tokens'),
        },
      };
    },
    { signal },
  );
}

/** The ledger's hours in order, models of one hour together. */
export async function* hoursOf(digest: string, { database, signal }: SqlContext): AsyncGenerator<HourOfModel> {
  let after = { hour: -1, model: '' };
  for (;;) {
    const from = after;
    const page = await database.transaction(
      async (db: AnalystSession) =>
        db
          .selectFrom('enginehouse_analyst_hour')
          .select(['hour', 'model', 'requests', 'input_tokens as inputTokens', 'output_tokens as outputTokens'])
          .where('ledger', '=', await completeLedgerId(db, digest))
          .where(sql<boolean>`(hour, model) > (${from.hour}, ${from.model})`)
          .orderBy('hour')
          .orderBy('model')
          .limit(PAGE)
          .execute(),
      { readOnly: true, signal },
    );
    yield* page;
    const last = page.at(-1);
    if (last === undefined || page.length < PAGE) return;
    after = last;
  }
}

/** Per model, in the order of names, the output tokens of each request beyond `cap`. */
export async function* outputBeyond(
  cap: number,
  digest: string,
  { database, signal }: SqlContext,
): AsyncGenerator<Excess> {
  let after: string | undefined;
  for (;;) {
    const from = after;
    const page = await database.transaction(
      async (db: AnalystSession) => {
        const query = db
          .selectFrom('enginehouse_analyst_row')
          .select((row) => [
            'model',
            row.fn.countAll<number>().as('requests'),
            sql<number>`SUM(output_tokens - ${sql.lit(cap)})`.as('tokens'),
          ])
          .where('ledger', '=', await completeLedgerId(db, digest))
          .where('output_tokens', '>', cap)
          .groupBy('model')
          .orderBy('model')
          .limit(PAGE);
        return (from === undefined ? query : query.where('model', '>', from)).execute();
      },
      { readOnly: true, signal },
    );
    yield* page;
    const last = page.at(-1);
    if (last === undefined || page.length < PAGE) return;
    after = last.model;
  }
}

/** The first millisecond of an hour, as ISO 8601 without milliseconds. */
export function hourName(hour: number): string {
  return isoUtc(hour * HOUR_MS).replace('.000Z', 'Z');
}

async function completeLedgerId(db: AnalystSession, digest: string): Promise<number> {
  const ledger = await db
    .selectFrom('enginehouse_analyst_ledger')
    .select('id')
    .where('digest', '=', digest)
    .where('reader', '=', READER_VERSION)
    .where('complete', '=', 1)
    .executeTakeFirst();
  if (ledger === undefined)
    throw new EnginehouseError('NOT_FOUND', `no loaded ledger ${digest}`, { what: 'ledger', id: digest });
  return ledger.id;
}

async function addUpHours(db: AnalystSession, ledger: number): Promise<void> {
  await db
    .insertInto('enginehouse_analyst_hour')
    .columns(['ledger', 'hour', 'model', 'requests', 'input_tokens', 'output_tokens'])
    .expression((from) =>
      from
        .selectFrom('enginehouse_analyst_row')
        .where('ledger', '=', ledger)
        .groupBy(['ledger', sql.ref('hour'), 'model'])
        .select((row) => [
          'ledger',
          sql<number>`at / ${sql.lit(HOUR_MS)}`.as('hour'),
          'model',
          row.fn.countAll<number>().as('requests'),
          row.fn.sum<number>('input_tokens').as('input_tokens'),
          row.fn.sum<number>('output_tokens').as('output_tokens'),
        ]),
    )
    .onConflict((conflict) => conflict.doNothing())
    .execute();
}

/** By nearest rank, from the number of requests of each value: exact, and one pass however many rows. */
async function percentilesOf(
  db: AnalystSession,
  ledger: number,
  column: 'input_tokens' | 'output_tokens',
): Promise<Percentiles> {
  const value = sql.ref(column);
  const at = (percent: number) => sql`MIN(CASE WHEN upto * 100 >= total * ${sql.lit(percent)} THEN value END)`;
  const { rows } = await sql<Percentiles>`
    WITH counted AS (
      SELECT ${value} AS value, COUNT(*) AS requests FROM enginehouse_analyst_row WHERE ledger = ${ledger} GROUP BY ${value}
    ), ranked AS (
      SELECT value, SUM(requests) OVER (ORDER BY value) AS upto, SUM(requests) OVER () AS total FROM counted
    )
    SELECT ${at(50)} AS p50, ${at(90)} AS p90, ${at(95)} AS p95, ${at(99)} AS p99, MAX(value) AS max FROM ranked`.execute(
    db,
  );
  const [row] = rows;
  if (row === undefined) throw new EnginehouseError('INTERNAL', 'percentiles gave no row', { reason: 'no row' });
  return row;
}
