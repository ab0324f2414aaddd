import type { Client } from 'pg';

import { databaseError } from '../../database/database-error.ts';
import { toValues } from '../../database/parameters.ts';
import type { StatementPort } from '../../database/transaction-port.ts';
import type { StatementResult } from '../../database/worker-protocol.ts';
import { firstKeyword } from './first-keyword.ts';
import { runScriptText } from './run-script-text.ts';
import type { StandIns } from './stand-ins.ts';
import { readResult, valueTypes } from './values.ts';

const TRANSACTION_CONTROL = new Set(['BEGIN', 'START', 'COMMIT', 'END', 'ROLLBACK', 'ABORT', 'PREPARE']);

/** A migration's statements, in a transaction that somebody else began and ends. What fails keeps PostgreSQL's error. */
export class MigrationPort implements StatementPort {
  readonly #admin: Client;
  readonly #standIns: StandIns;

  constructor(admin: Client, standIns: StandIns) {
    this.#admin = admin;
    this.#standIns = standIns;
  }

  async statement(sql: string, parameters: readonly unknown[]): Promise<StatementResult> {
    const keyword = firstKeyword(sql);
    if (TRANSACTION_CONTROL.has(keyword)) throw databaseError({ code: 'DATABASE_DENIED', action: keyword }, sql);
    const values = [...toValues(sql, parameters)];
    const text = await this.#standIns.redirect(sql);
    const query = { text, values, rowMode: 'array', queryMode: 'extended', types: valueTypes } as const;
    return readResult(await this.#admin.query(query));
  }

  async script(sql: string): Promise<void> {
    await runScriptText((query) => this.#admin.query(query), await this.#standIns.redirect(sql));
  }

  /** Nobody ends a migration but the server. */
  kill(): void {}
}
