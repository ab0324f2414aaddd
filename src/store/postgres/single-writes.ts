/** The writes that come one at a time, each a statement or two. */

import type { QueryResult } from 'pg';

import { EnginehouseError } from '../../base/errors.ts';
import { noRun } from '../log/append-rules.ts';
import { asRefusal, type Outcome } from '../log/outcome.ts';
import { asCommand, asHead } from '../log/records.ts';
import { number, type Row } from '../log/row.ts';
import type { PieceArgs, Write, WriteName } from '../log/writes.ts';
import { ownerText } from './layout.ts';
import { prepared, type Statement } from './prepared.ts';
import type { Step } from './step.ts';

export type SingleName = Exclude<WriteName, 'append' | 'accept'>;

const take = prepared(
  'take',
  `WITH found AS MATERIALIZED (
     SELECT r.run, r.epoch FROM enginehouse.runs r WHERE r.owner = $1 AND r.run_id = $2
   ), taken AS (
     UPDATE enginehouse.states s SET generation = s.generation + 1, holder = $3 WHERE s.run = (SELECT run FROM found)
     RETURNING s.generation, s.head, s.crc, s.status
   )
   SELECT t.*, f.epoch FROM taken t, found f`,
);
// States and commands go with their run, pieces with their artifact.
const deleteRun = prepared(
  'delete_run',
  `WITH RECURSIVE family (run, run_id) AS (
     SELECT r.run, r.run_id FROM enginehouse.runs r WHERE r.owner = $1 AND r.run_id = $2
     UNION
     SELECT r.run, r.run_id FROM family f JOIN enginehouse.runs r ON r.owner = $1 AND r.parent_run_id = f.run_id
   ), files AS (
     DELETE FROM enginehouse.artifacts WHERE owner = $1 AND run_id = ANY (ARRAY(SELECT run_id FROM family))
   ), logs AS (
     DELETE FROM enginehouse.events WHERE run = ANY (ARRAY(SELECT run FROM family))
   )
   DELETE FROM enginehouse.runs WHERE run = ANY (ARRAY(SELECT run FROM family))`,
);
const COMMAND = 'command_id, run_id, op, args, at, applied_seq';
const putCommand = prepared(
  'put_command',
  `WITH made AS (
     INSERT INTO enginehouse.commands (owner, command_id, run, run_id, op, args, at)
     SELECT r.owner, $2, r.run, r.run_id, $4, $5, $6 FROM enginehouse.runs r WHERE r.owner = $1 AND r.run_id = $3
     ON CONFLICT (owner, command_id) DO NOTHING
     RETURNING true AS created, ${COMMAND}
   )
   SELECT * FROM made
   UNION ALL
   SELECT false, ${COMMAND} FROM enginehouse.commands WHERE owner = $1 AND command_id = $2`,
);
const applied = prepared(
  'applied',
  'UPDATE enginehouse.commands SET applied_seq = $3 WHERE owner = $1 AND command_id = $2 AND applied_seq IS NULL',
);
const beginUpload = prepared(
  'begin_upload',
  `WITH begun AS (
     INSERT INTO enginehouse.artifacts (owner, artifact_id, run_id, kind, title, media_type, created_at, bytes, digest)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) RETURNING artifact
   ), kept AS (
     INSERT INTO enginehouse.pieces (artifact, place, owner, content)
     SELECT artifact, $10, $1, $11::bytea FROM begun WHERE length($11::bytea) > 0
   )
   SELECT artifact FROM begun`,
);
const continueUpload = prepared(
  'continue_upload',
  `WITH open AS (
     UPDATE enginehouse.artifacts SET bytes = $3, digest = $4 WHERE artifact = $1 AND owner = $2 AND digest IS NULL
     RETURNING artifact
   ), kept AS (
     INSERT INTO enginehouse.pieces (artifact, place, owner, content)
     SELECT artifact, $5, $2, $6::bytea FROM open WHERE length($6::bytea) > 0
   )
   SELECT artifact FROM open`,
);
/** The artifact that a new one replaces goes first, if what replaces it is still there. */
const replaced = prepared(
  'replaced',
  `DELETE FROM enginehouse.artifacts WHERE owner = $1 AND artifact_id = $2 AND digest IS NOT NULL AND ($3::bigint IS NULL
     OR EXISTS (SELECT FROM enginehouse.artifacts WHERE artifact = $3 AND owner = $1 AND digest IS NULL))`,
);
const dropUpload = prepared(
  'drop_upload',
  'DELETE FROM enginehouse.artifacts WHERE owner = $1 AND artifact = $2 AND digest IS NULL',
);
const deleteArtifact = prepared(
  'delete_artifact',
  'DELETE FROM enginehouse.artifacts WHERE owner = $1 AND artifact_id = $2 AND digest IS NOT NULL',
);
const dropLeftovers = prepared('drop_leftovers', 'SELECT enginehouse.drop_leftovers($1)');

const STEPS: { readonly [Name in SingleName]: (args: Write<Name>['args']) => Step } = {
  take: ({ owner, runId, holder }) =>
    one(take(ownerText(owner), runId, holder), ({ rows: [row] }) => ({
      result: row && { generation: number(row, 'generation'), head: asHead(row) },
    })),
  deleteRun: ({ owner, runId }) =>
    one(deleteRun(ownerText(owner), runId), ({ rowCount }) => ({ result: rowCount !== 0 })),
  putCommand: ({ owner, command: { commandId, runId, op, args, at } }) =>
    one(putCommand(ownerText(owner), commandId, runId, op, args, at), ({ rows: [row] }) =>
      row === undefined
        ? { refusal: asRefusal(noRun(runId)) }
        : { result: { created: row['created'] === true, command: asCommand(row) } },
    ),
  applied: ({ owner, commandId, seq }) => one(applied(ownerText(owner), commandId, seq), done),
  piece: pieceStep,
  dropUpload: ({ owner, upload }) => one(dropUpload(ownerText(owner), upload), done),
  deleteArtifact: ({ owner, artifactId }) =>
    one(deleteArtifact(ownerText(owner), artifactId), ({ rowCount }) => ({ result: rowCount !== 0 })),
  dropLeftovers: ({ tenant }) => one(dropLeftovers(tenant ?? null), done),
};

export function singleStep<N extends SingleName>({ name, args }: Write<N>): Step {
  return STEPS[name](args);
}

function pieceStep(args: PieceArgs): Step {
  const { artifact, upload, whole } = args;
  const owner = ownerText(args.owner);
  const statements = [
    ...(whole === undefined ? [] : [replaced(owner, artifact.artifactId, upload ?? null)]),
    upload === undefined ? firstPiece(owner, args) : nextPiece(owner, { ...args, upload }),
  ];
  const outcomes = (results: readonly QueryResult<Row>[]): readonly Outcome[] => {
    const row = results.at(-1)?.rows[0];
    return [
      row === undefined ? { refusal: asRefusal(deletedMeanwhile(artifact)) } : { result: number(row, 'artifact') },
    ];
  };
  return { statements, outcomes };
}

function firstPiece(owner: string, { artifact, place, content, whole }: PieceArgs): Statement {
  const { artifactId, runId, kind, title, mediaType, createdAt } = artifact;
  const facts = [artifactId, runId ?? null, kind, title, mediaType, createdAt];
  return beginUpload(owner, ...facts, whole?.bytes ?? null, whole?.digest ?? null, place, asBuffer(content));
}

function nextPiece(
  owner: string,
  { upload, place, content, whole }: PieceArgs & { readonly upload: number },
): Statement {
  return continueUpload(upload, owner, whole?.bytes ?? null, whole?.digest ?? null, place, asBuffer(content));
}

/** The client sends a Buffer as it is, and takes any other view for a text. */
function asBuffer({ buffer, byteOffset, byteLength }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength);
}

function deletedMeanwhile({ artifactId }: PieceArgs['artifact']): EnginehouseError {
  const message = `artifact ${artifactId} was deleted with its run while it was written`;
  return new EnginehouseError('NOT_FOUND', message, { what: 'artifact', id: artifactId });
}

function one(statement: Statement, outcome: (result: QueryResult<Row>) => Outcome): Step {
  return { statements: [statement], outcomes: ([result]) => (result === undefined ? [] : [outcome(result)]) };
}

const done = (): Outcome => ({ result: undefined });
