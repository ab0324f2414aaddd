import type { Dialect, KyselyPlugin } from 'kysely';

import type { StatementResult } from './worker-protocol.ts';

/** What a session asks of its database. One call at a time, but for `kill`. */
export interface StatementPort {
  statement(sql: string, parameters: readonly unknown[]): Promise<StatementResult>;
  /** Runs a text of many statements. */
  script(sql: string): Promise<void>;
  /** Ends the statement that runs, and with it the transaction: what is asked of it fails with the reason. */
  kill(reason: unknown): void;
}

/** One transaction in a database, from begin to its end, for whoever speaks to that database. */
export interface TransactionPort extends StatementPort {
  begin(): Promise<void>;
  commit(): Promise<void>;
  /** Undoes what is left and lets go of what the transaction held. Harmless after its end; never rejects. */
  rollback(): Promise<void>;
}

/** How a session speaks to its database. */
export interface Language {
  readonly dialect: Dialect;
  readonly plugins: readonly KyselyPlugin[];
}
