/** The reads of an owner: each is one statement. */

import { tenantId, runId, userId, type Owner } from '../../context/ids.ts';
import type { RunKey, RunQuery } from '../../event/store.ts';
import type { Read, Reader, ReadName, ReadResult } from '../log/reads.ts';
import { asArtifact, asCommand, asEvent, asHead, asRun, asThread } from '../log/records.ts';
import { bytes, number, text, type Row } from '../log/row.ts';
import type { Connections } from './connections.ts';
import type { ExclusiveUse } from './exclusive-use.ts';
import { ownerText } from './layout.ts';
import { asStoreError } from './postgres-error.ts';
import { prepared, type Statement } from './prepared.ts';

interface ReadStatement<N extends ReadName> {
  readonly ask: (owner: string, args: Read<N>['args']) => Statement;
  readonly answer: (rows: readonly Row[]) => ReadResult<N>;
}

/**
 * A run with its state; names the columns that `asRun` reads. The state is looked up for each run that is found: a plan
 * that was made while there were few would read them all.
 */
export const RUN_RECORD = `SELECT r.run_id, r.thread_id, r.agent, r.version, r.origin, r.parent_run_id, r.input_digest, r.context,
    r.epoch, r.accepted_at, s.generation, s.status, s.ended_at, s.head, s.crc
  FROM enginehouse.runs r CROSS JOIN LATERAL (
    SELECT s.generation, s.status, s.ended_at, s.head, s.crc FROM enginehouse.states s WHERE s.run = r.run OFFSET 0) s`;

const ARTIFACT = 'artifact, artifact_id, run_id, kind, title, media_type, created_at, bytes, digest';

const logRead = prepared(
  'log_read',
  `SELECT e.seq, e.type, e.at, e.data FROM enginehouse.events e
    WHERE e.run = (SELECT r.run FROM enginehouse.runs r WHERE r.owner = $1 AND r.run_id = $2) AND e.seq > $3::bigint
    ORDER BY e.seq LIMIT $4`,
);
const logHead = prepared(
  'log_head',
  `SELECT r.epoch, s.head, s.crc, s.status FROM enginehouse.runs r CROSS JOIN LATERAL (
      SELECT s.head, s.crc, s.status FROM enginehouse.states s WHERE s.run = r.run OFFSET 0) s
    WHERE r.owner = $1 AND r.run_id = $2`,
);
const runsGet = prepared('runs_get', `${RUN_RECORD} WHERE r.owner = $1 AND r.run_id = $2`);
const commandsPending = prepared(
  'commands_pending',
  `SELECT c.command_id, c.run_id, c.op, c.args, c.at, c.applied_seq FROM enginehouse.commands c
    WHERE c.run = (SELECT r.run FROM enginehouse.runs r WHERE r.owner = $1 AND r.run_id = $2) AND c.applied_seq IS NULL
    ORDER BY c.command`,
);
const artifactsGet = prepared(
  'artifacts_get',
  `SELECT ${ARTIFACT} FROM enginehouse.artifacts WHERE owner = $1 AND artifact_id = $2 AND digest IS NOT NULL`,
);
const artifactsList = prepared(
  'artifacts_list',
  `SELECT ${ARTIFACT} FROM enginehouse.artifacts WHERE owner = $1 AND run_id = $2 AND digest IS NOT NULL
    ORDER BY created_at, artifact`,
);
const artifactsRead = prepared(
  'artifacts_read',
  'SELECT content FROM enginehouse.pieces WHERE owner = $1 AND artifact = $2 AND place = $3',
);
const threadsGet = prepared(
  'threads_get',
  'SELECT thread_id, created_at, updated_at FROM enginehouse.threads WHERE owner = $1 AND thread_id = $2',
);
const threadsList = prepared(
  'threads_list',
  `SELECT thread_id, created_at, updated_at FROM enginehouse.threads WHERE owner = $1
    ORDER BY updated_at DESC, thread_id DESC LIMIT $2`,
);
const unfinished = prepared('unfinished', 'SELECT u.owner, u.run_id FROM enginehouse.unfinished($1) u');

const READS: { readonly [Name in ReadName]: ReadStatement<Name> } = {
  'log.read': {
    ask: (owner, { runId: run, after, limit }) => logRead(owner, run, after, Math.max(0, limit)),
    answer: (rows) => rows.map(asEvent),
  },
  'log.head': { ask: (owner, run) => logHead(owner, run), answer: ([row]) => row && asHead(row) },
  'runs.get': { ask: (owner, run) => runsGet(owner, run), answer: ([row]) => row && asRun(row) },
  'runs.list': { ask: listRuns, answer: (rows) => rows.map(asRun) },
  'commands.pending': { ask: (owner, run) => commandsPending(owner, run), answer: (rows) => rows.map(asCommand) },
  'artifacts.get': {
    ask: (owner, artifactId) => artifactsGet(owner, artifactId),
    answer: ([row]) => row && { key: number(row, 'artifact'), record: asArtifact(row) },
  },
  'artifacts.list': { ask: (owner, run) => artifactsList(owner, run), answer: (rows) => rows.map(asArtifact) },
  'artifacts.read': {
    ask: (owner, { key, place }) => artifactsRead(owner, key, place),
    answer: ([row]) => row && bytes(row, 'content'),
  },
  'threads.get': { ask: (owner, thread) => threadsGet(owner, thread), answer: ([row]) => row && asThread(row) },
  'threads.list': {
    ask: (owner, limit) => threadsList(owner, Math.max(0, limit)),
    answer: (rows) => rows.map(asThread),
  },
};

export interface PostgresReaderDeps {
  readonly connections: Connections;
  /** For messages. */
  readonly where: string;
  /** None in a store that was opened to be read. */
  readonly use?: ExclusiveUse | undefined;
  /** Recovery is told of the runs of this tenant alone. */
  readonly tenant?: string | undefined;
}

export class PostgresReader implements Reader {
  readonly #deps: PostgresReaderDeps;

  constructor(deps: PostgresReaderDeps) {
    this.#deps = deps;
  }

  async read<N extends ReadName>({ name, owner, args }: Read<N>): Promise<ReadResult<N>> {
    const { ask, answer } = READS[name];
    return answer(await this.#ask(name, [owner], ask(ownerText(owner), args)));
  }

  async unfinished(): Promise<readonly RunKey[]> {
    const rows = await this.#ask('unfinished', [], unfinished(this.#deps.tenant ?? null));
    return rows.map((row) => ({ owner: asOwner(text(row, 'owner')), runId: runId(text(row, 'run_id')) }));
  }

  async #ask(operation: string, owners: readonly Owner[], statement: Statement): Promise<readonly Row[]> {
    const { connections, use, where } = this.#deps;
    try {
      await use?.hold();
      return await connections.read(owners, statement);
    } catch (error) {
      throw asStoreError(error, where, operation);
    }
  }
}

/** The keys of a page are compared as one, so that it begins where the page before ended. */
function listRuns(owner: string, { limit, before, threadId, parentRunId, status }: RunQuery): Statement {
  const values: unknown[] = [owner, Math.max(0, limit)];
  const filters = ['r.owner = $1'];
  const filter = (sql: (...places: readonly string[]) => string, ...given: readonly unknown[]): void => {
    if (given.every((value) => value === undefined)) return;
    filters.push(sql(...given.map((value) => `$${values.push(value)}`)));
  };
  filter((at) => `r.thread_id = ${at}`, threadId);
  filter((at) => `r.parent_run_id = ${at}`, parentRunId);
  filter((at) => `s.status = ${at}`, status);
  filter((at, run) => `(r.accepted_at, r.run_id) < (${at}, ${run})`, before?.acceptedAt, before?.runId);
  const sql = `${RUN_RECORD} WHERE ${filters.join(' AND ')} ORDER BY r.accepted_at DESC, r.run_id DESC LIMIT $2`;
  return prepared('runs_list', sql)(...values);
}

function asOwner(said: string): Owner {
  const [tenant, user]: unknown[] = JSON.parse(said);
  return { tenantId: tenantId(tenant), userId: userId(user) };
}
