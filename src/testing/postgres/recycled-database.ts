/**
 * A database that one test after the other has to itself, emptied in between.
 *
 *   R1. Afterwards it is as it was made: no rows but those of the migrations' own
 *       records, and every sequence at its start.
 *   R2. It is emptied in one round trip. Deleting from every table was measured
 *       against noting which were written: the triggers cost each write what the
 *       list saves at the end.
 *   R3. Deleted rows leave gaps that are read through, so now and then the tables
 *       are truncated, which takes twenty times as long.
 */

import type { AdminSession, Ask } from './admin-session.ts';
import { DATA_SCHEMA, SYSTEM_SCHEMA } from '../../store/postgres/layout.ts';

const TRUNCATE_EVERY = 100;

/** Tables that say what the database is; nothing that a runtime does changes them. */
const RECORDS = ['keys', 'settings', 'migrations'];

interface Emptying {
  readonly deleting: string;
  readonly truncating: string;
}

export class RecycledDatabase {
  readonly name: string;
  /** In the database itself. */
  readonly #session: AdminSession;
  #emptying: Promise<Emptying> | undefined;
  #times = 0;

  constructor(name: string, session: AdminSession) {
    this.name = name;
    this.#session = session;
  }

  /** @throws what `pg` throws; the database is then in no known state */
  async empty(): Promise<void> {
    this.#emptying ??= this.#session.alone(emptyingOf);
    const { deleting, truncating } = await this.#emptying;
    this.#times += 1;
    await this.#session.ask(this.#times % TRUNCATE_EVERY === 0 ? truncating : deleting);
  }

  close(): Promise<void> {
    return this.#session[Symbol.asyncDispose]();
  }
}

async function emptyingOf(ask: Ask): Promise<Emptying> {
  const tables = await ask<{ name: string; owner: string }>(
    `SELECT format('%I.%I', n.nspname, c.relname) AS name, quote_ident(r.rolname) AS owner
       FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_roles r ON r.oid = n.nspowner
      WHERE c.relkind = 'r' AND n.nspname IN ('${SYSTEM_SCHEMA}', '${DATA_SCHEMA}')
        AND NOT (n.nspname = '${SYSTEM_SCHEMA}' AND c.relname = ANY ($1))`,
    [RECORDS],
  );
  const [privileged] = await ask('SELECT FROM pg_roles WHERE rolname = current_user AND rolsuper');
  const truncating = [
    'BEGIN',
    `SET LOCAL ROLE ${tables[0]?.owner ?? 'NONE'}`,
    `TRUNCATE ${tables.map(({ name }) => name).join(', ')} RESTART IDENTITY`,
    'COMMIT',
  ].join('; ');
  if (privileged === undefined) return { deleting: truncating, truncating };
  const deleting = [
    'BEGIN',
    // Neither triggers nor foreign keys: everything goes, in any order. For superusers alone, whom no policy stops either.
    'SET LOCAL session_replication_role = replica',
    ...tables.map(({ name }) => `DELETE FROM ${name}`),
    `SELECT setval(seqrelid::regclass, seqstart, false) FROM pg_sequence
      WHERE pg_sequence_last_value(seqrelid) IS NOT NULL`,
    'COMMIT',
  ].join('; ');
  return { deleting, truncating };
}
