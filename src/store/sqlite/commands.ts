/** The inbox of commands: each kept once per id, until the run's writer turned it into events. */

import type { Owner, RunId } from '../../context/ids.ts';
import type { CommandRecord } from '../../event/store.ts';
import { noRun } from '../log/append-rules.ts';
import { asCommand } from '../log/records.ts';
import type { AppliedArgs, PutCommandArgs, PutCommandResult } from '../log/writes.ts';
import type { Connection } from './connection.ts';
import { runKey } from './runs.ts';

const RECORD = `SELECT c.command_id, r.run_id, c.op, c.args, c.at, c.applied_seq FROM commands c JOIN runs r ON r.run = c.run`;

/** @throws `NOT_FOUND` for an unknown or foreign run. */
export function putCommand(db: Connection, { owner, command }: PutCommandArgs): PutCommandResult {
  const { commandId, op, args, at } = command;
  const first = db.get(
    `${RECORD} WHERE c.tenant_id = ? AND c.user_id = ? AND c.command_id = ?`,
    owner.tenantId,
    owner.userId,
    commandId,
  );
  if (first !== undefined) return { created: false, command: asCommand(first) };
  const run = runKey(db, owner, command.runId);
  if (run === undefined) throw noRun(command.runId);
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
