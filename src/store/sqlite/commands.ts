/** The inbox of commands: each kept once per id, until the run's writer turned it into events. */

import { EnginehouseError } from '../../base/errors.ts';
import { runId, type Owner, type RunId } from '../../context/ids.ts';
import type { CommandRecord, NewCommand } from '../../event/store.ts';
import type { Connection } from './connection.ts';
import { number, optionalNumber, text, type Row } from './row.ts';
import { runKey } from './runs.ts';

const RECORD = `SELECT c.command_id, r.run_id, c.op, c.args, c.at, c.applied_seq FROM commands c JOIN runs r ON r.run = c.run`;

export interface PutCommandArgs {
  readonly owner: Owner;
  readonly command: NewCommand;
}

/** @throws `NOT_FOUND` for an unknown or foreign run. */
export function putCommand(
  db: Connection,
  { owner, command }: PutCommandArgs,
): { readonly created: boolean; readonly command: CommandRecord } {
  const { commandId, op, args, at } = command;
  const first = db.get(
    `${RECORD} WHERE c.tenant_id = ? AND c.user_id = ? AND c.command_id = ?`,
    owner.tenantId,
    owner.userId,
    commandId,
  );
  if (first !== undefined) return { created: false, command: asCommand(first) };
  const run = runKey(db, owner, command.runId);
  if (run === undefined) {
    throw new EnginehouseError('NOT_FOUND', `run ${command.runId} does not exist`, { what: 'run', id: command.runId });
  }
  db.run(
    'INSERT INTO commands (tenant_id, user_id, command_id, run, op, args, at) VALUES (?, ?, ?, ?, ?, ?, ?)',
    owner.tenantId,
    owner.userId,
    commandId,
    run,
    op,
    args,
    at,
  );
  return { created: true, command: { ...command, appliedSeq: undefined } };
}

export function pendingCommands(db: Connection, owner: Owner, run: RunId): readonly CommandRecord[] {
  const rows = db.all(
    `${RECORD} WHERE r.tenant_id = ? AND r.user_id = ? AND r.run_id = ? AND c.applied_seq IS NULL ORDER BY c.command`,
    owner.tenantId,
    owner.userId,
    run,
  );
  return rows.map(asCommand);
}

export interface AppliedArgs {
  readonly owner: Owner;
  readonly commandId: string;
  readonly seq: number;
}

/** The first place stays: a writer that took the run over may say it again. */
export function markApplied(db: Connection, { owner, commandId, seq }: AppliedArgs): void {
  db.run(
    'UPDATE commands SET applied_seq = ? WHERE tenant_id = ? AND user_id = ? AND command_id = ? AND applied_seq IS NULL',
    seq,
    owner.tenantId,
    owner.userId,
    commandId,
  );
}

function asCommand(row: Row): CommandRecord {
  return {
    commandId: text(row, 'command_id'),
    runId: runId(text(row, 'run_id')),
    // A parse boundary: only a NewCommand's op is written there.
    op: text(row, 'op') as NewCommand['op'],
    args: text(row, 'args'),
    at: number(row, 'at'),
    appliedSeq: optionalNumber(row, 'applied_seq'),
  };
}
