/**
 * What the house asks of a database worker, and what it is answered. A worker
 * is a process of its own; it takes one request after the other and answers
 * each once, in order.
 */

/** The descriptor of the pipe by which a worker notices that its house is gone. */
export const WATCH_DESCRIPTOR = 4;

/** What a transaction may do: look, change rows, or change tables as well. */
export type Mode = 'read' | 'write' | 'migrate';

/** What a statement takes and gives. */
export type Value = string | number | bigint | Uint8Array | null;

/** A migration that has run. */
export interface Applied {
  readonly name: string;
  /** SHA-256 of its SQL text; for one that is a function, the word "function". */
  readonly checksum: string;
}

export interface StatementResult {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly Value[])[];
  /** Rows inserted, updated or deleted; `undefined` for a statement that returns rows. */
  readonly changes: bigint | undefined;
  readonly insertId: bigint | undefined;
}

/** How much one user's database may hold and return. */
export interface FileLimits {
  /** The file. */
  readonly fileBytes: number;
  /** What one statement returns. */
  readonly resultBytes: number;
}

/** Each kind of request with what it says and what is answered. Files are named by their absolute path. */
export interface Exchanges {
  /** Opens a file that is not open, making it when there is none. */
  open: { readonly request: { readonly file: string; readonly limits: FileLimits }; readonly reply: undefined };
  /** The migrations that have run, in no order. */
  applied: { readonly request: { readonly file: string }; readonly reply: readonly Applied[] };
  /** Begins the worker's one transaction. */
  begin: { readonly request: { readonly file: string; readonly mode: Mode }; readonly reply: undefined };
  /** Runs one statement in the transaction. */
  statement: {
    readonly request: { readonly sql: string; readonly parameters: readonly Value[] };
    readonly reply: StatementResult;
  };
  /** Runs a text of many statements in the transaction. */
  script: { readonly request: { readonly sql: string }; readonly reply: undefined };
  /** Ends the transaction, noting the migration that it was. */
  commit: { readonly request: { readonly applied: Applied | undefined }; readonly reply: undefined };
  rollback: { readonly request: Record<string, never>; readonly reply: undefined };
  close: { readonly request: { readonly files: readonly string[] }; readonly reply: undefined };
}

export type Kind = keyof Exchanges;

export type Request = { readonly [K in Kind]: { readonly kind: K } & Exchanges[K]['request'] }[Kind];

export type Reply<K extends Kind> = { readonly value: Exchanges[K]['reply'] } | { readonly failure: Failure };

/** Why a request failed, as plain data; the house makes its error of it. */
export type Failure =
  | { readonly code: 'DATABASE_DENIED'; readonly action: string }
  | { readonly code: 'DATABASE_RESULT_TOO_LARGE'; readonly limitBytes: number }
  | { readonly code: 'DATABASE_FAILED'; readonly reason: string };
