/**
 * Commits groups of writes to PostgreSQL.
 *
 *   W1. A round of writes is one transaction in one round trip; see `rounds.ts`.
 *       It takes for granted what is remembered of logs, and that runs are new. When
 *       the database knows better, nothing is written, and the round is made again
 *       after a look at what is there.
 *   W2. A failure of a statement takes the whole transaction back. The writes are
 *       then made one by one, so that only the guilty one fails, and one that makes
 *       room on a full disk is not lost with those that need it.
 *   W3. What is answered is durable. Of a write whose connection broke nobody
 *       knows: it is answered with `STORE_FAILED`, and whoever asked looks again.
 *   W4. Where a log stands is remembered after it was committed, and forgotten
 *       with anything that failed or that changes it otherwise.
 */

import type { QueryResult } from 'pg';

import type { Owner } from '../../context/ids.ts';
import type { RunRecord } from '../../event/store.ts';
import { OpenLogs } from '../log/open-logs.ts';
import { asRefusal, type Outcome } from '../log/outcome.ts';
import { asOpenLog, asRun } from '../log/records.ts';
import { number } from '../log/row.ts';
import type { Writer } from '../log/writer.ts';
import type { AcceptArgs, AppendArgs, Write, WriteName } from '../log/writes.ts';
import { acceptStep, findRuns } from './accepts.ts';
import { findLogs, planAppends, type AppendPlan, type FindLog } from './appends.ts';
import type { Connections } from './connections.ts';
import type { ExclusiveUse } from './exclusive-use.ts';
import { ownerText } from './layout.ts';
import { asStoreError, isOfStatement, isSurprise } from './postgres-error.ts';
import { rounds } from './rounds.ts';
import { singleStep, type SingleName } from './single-writes.ts';
import type { Step } from './step.ts';

/** Times that a round is made again because something else was there than was believed, or for a lost race. */
const MOST_ATTEMPTS = 5;

export interface PostgresWriterDeps {
  readonly connections: Connections;
  readonly use: ExclusiveUse;
  /** For messages. */
  readonly where: string;
}

export class PostgresWriter implements Writer {
  readonly #deps: PostgresWriterDeps;
  readonly #logs = new OpenLogs();

  constructor(deps: PostgresWriterDeps) {
    this.#deps = deps;
  }

  async commit(writes: readonly Write[]): Promise<readonly Outcome[]> {
    const outcomes: Outcome[] = [];
    for (const round of rounds(writes)) outcomes.push(...(await this.#round(round)));
    return outcomes;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#deps.connections[Symbol.asyncDispose]();
  }

  async #round(writes: readonly Write[], attempt = 1): Promise<readonly Outcome[]> {
    try {
      return await this.#transaction(writes, attempt > 1);
    } catch (error) {
      for (const write of writes) this.#forget(write);
      if (isSurprise(error) && attempt < MOST_ATTEMPTS) return this.#round(writes, attempt + 1);
      if (writes.length > 1 && isOfStatement(error)) return this.#oneByOne(writes);
      return writes.map((write) => ({ refusal: asRefusal(asStoreError(error, this.#deps.where, write.name)) }));
    }
  }

  async #oneByOne(writes: readonly Write[]): Promise<readonly Outcome[]> {
    const outcomes: Outcome[] = [];
    for (const write of writes) outcomes.push(...(await this.#round([write])));
    return outcomes;
  }

  /** @param careful - look first at what is there, instead of writing to what is believed */
  async #transaction(writes: readonly Write[], careful: boolean): Promise<readonly Outcome[]> {
    const { connections, use } = this.#deps;
    await use.hold();
    const appends = writes.flatMap((write) => (write.name === 'append' ? [write.args] : []));
    const accepts = writes.flatMap((write) => (write.name === 'accept' ? [write.args] : []));
    const plan = await this.#planAppends(appends);
    const known = careful ? await this.#knownRuns(accepts) : new Map<number, RunRecord>();
    const parts: readonly Part[] = [
      { step: acceptStep(accepts, { logs: this.#logs, known }), places: placesOf(writes, 'accept') },
      { step: plan.step, places: placesOf(writes, 'append') },
      ...writes.flatMap((write, place) => (isSingle(write) ? [{ step: singleStep(write), places: [place] }] : [])),
    ];
    const statements = parts.flatMap(({ step }) => step.statements);
    const results = statements.length === 0 ? [] : await connections.transact({ owners: ownersOf(writes) }, statements);
    for (const { owner, runId, after } of plan.logs) {
      if (after !== undefined) this.#logs.remember(owner, runId, after);
    }
    for (const write of writes) if (isSingle(write)) this.#forget(write);
    return outcomesOf(parts, results);
  }

  /** A2. Looks at the logs that are not remembered, or where something would be refused. */
  async #planAppends(appends: readonly AppendArgs[]): Promise<AppendPlan> {
    const known: FindLog = (owner, runId) => this.#logs.get(owner, runId);
    const plan = planAppends(appends, known);
    const { doubtful } = plan;
    if (doubtful.length === 0) return plan;
    const rows = await this.#deps.connections.read(
      doubtful.map(({ owner }) => owner),
      findLogs(
        doubtful.map(({ owner }) => ownerText(owner)),
        doubtful.map(({ runId }) => runId),
      ),
    );
    const found = new Map(rows.map((row) => [number(row, 'place'), asOpenLog(row)]));
    for (const [index, { owner, runId }] of doubtful.entries()) {
      const log = found.get(index + 1);
      if (log === undefined) this.#logs.forget(owner, runId);
      else this.#logs.remember(owner, runId, log);
    }
    return planAppends(appends, known);
  }

  async #knownRuns(accepts: readonly AcceptArgs[]): Promise<ReadonlyMap<number, RunRecord>> {
    if (accepts.length === 0) return new Map();
    const owners = accepts.map(({ owner }) => owner);
    const ids = accepts.map(({ run }) => run.runId);
    const rows = await this.#deps.connections.read(owners, findRuns(owners.map(ownerText), ids));
    return new Map(rows.map((row) => [number(row, 'place') - 1, asRun(row)]));
  }

  #forget({ name, args }: Write): void {
    if (name === 'append' || name === 'take') this.#logs.forget(args.owner, args.runId);
    // Its child runs went with it, and nobody said which.
    if (name === 'deleteRun') this.#logs.clear();
  }
}

/** A step, and which writes of the round it is. */
interface Part {
  readonly step: Step;
  readonly places: readonly number[];
}

/** In the order of the writes. */
function outcomesOf(parts: readonly Part[], results: readonly QueryResult[]): readonly Outcome[] {
  const outcomes: Outcome[] = [];
  let from = 0;
  for (const { step, places } of parts) {
    const to = from + step.statements.length;
    const settled = step.outcomes(results.slice(from, to));
    for (const [index, outcome] of settled.entries()) outcomes[places[index] ?? outcomes.length] = outcome;
    from = to;
  }
  return outcomes;
}

function placesOf(writes: readonly Write[], name: WriteName): readonly number[] {
  return writes.flatMap((write, place) => (write.name === name ? [place] : []));
}

function isSingle(write: Write): write is Write<SingleName> {
  return write.name !== 'append' && write.name !== 'accept';
}

function ownersOf(writes: readonly Write[]): readonly Owner[] {
  return writes.flatMap(({ args }) => ('owner' in args ? [args.owner] : []));
}
