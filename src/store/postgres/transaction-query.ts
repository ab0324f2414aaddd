/**
 * A transaction as one query of `pg`: the messages of all its statements, and
 * one Sync behind them.
 *
 *   Q1. Up to the Sync PostgreSQL takes the statements for one transaction, as it
 *       takes those of a text, and answers all of them at once. With BEGIN,
 *       COMMIT and a Sync for each it would answer, and be waited for, six times.
 *       https://www.postgresql.org/docs/15/protocol-flow.html#PROTOCOL-FLOW-EXT-QUERY
 *   Q2. One that fails is the last that is run, and nothing of any stays.
 *   Q3. A statement with a name is parsed once per connection. After a failure
 *       nobody knows which of the new ones were, so those are closed before they
 *       are parsed again, which is no error where there is nothing to close.
 */

import type { types, Connection, FieldDef, QueryResult, Submittable } from 'pg';

import { escapeText } from './escaped-text.ts';
import type { Statement } from './prepared.ts';

export interface TransactionOutcome {
  /** Of the statements that were run, in order. */
  readonly results: readonly QueryResult[];
  /** Why it was rolled back. */
  readonly failure: Error | undefined;
}

/** What makes values of the texts that the server sends. */
interface Parsers {
  readonly getTypeParser: typeof types.getTypeParser;
}
type Wire = string | Buffer | null;

interface Message {
  readonly text: string;
  readonly name: string;
  readonly values: readonly Wire[];
}

/** Names on a connection: those that are parsed, and those that may be. */
const names = new WeakMap<Connection, Map<string, 'parsed' | 'doubtful'>>();

// A parameter that pg had before version 7, and that its types still want.
const MORE = true;

export class TransactionQuery implements Submittable {
  /** pg wraps it to bound the wait. */
  callback: (error: Error | undefined) => void;
  readonly outcome: Promise<TransactionOutcome>;
  readonly #messages: readonly Message[];
  readonly #parsers: Parsers;
  readonly #results: QueryResult[] = [];
  readonly #begun: string[] = [];
  #fields: readonly FieldDef[] = [];
  #rows: Record<string, unknown>[] = [];

  /** @param options.prepare - false where names must not be used */
  constructor(statements: readonly Statement[], options: { readonly parsers: Parsers; readonly prepare: boolean }) {
    const { promise, resolve } = Promise.withResolvers<TransactionOutcome>();
    this.outcome = promise;
    this.callback = (failure) => resolve({ results: this.#results, failure });
    this.#parsers = options.parsers;
    this.#messages = statements.map(({ text, name = '', values = [] }) => ({
      text,
      name: options.prepare ? name : '',
      values: values.map(toWire),
    }));
  }

  /** Called by pg when the connection is free. */
  submit(connection: Connection): void {
    const { stream } = connection;
    // In one write: each message would else be a packet of its own.
    stream.cork();
    for (const message of this.#messages) this.#send(connection, message);
    connection.sync();
    stream.uncork();
  }

  handleRowDescription({ fields }: { readonly fields: readonly FieldDef[] }): void {
    this.#fields = fields;
  }

  handleDataRow({ fields: values }: { readonly fields: readonly (string | null)[] }): void {
    const entries = this.#fields.map(({ name, dataTypeID }, index) => {
      const value = values[index] ?? null;
      return [name, value === null ? null : this.#parsers.getTypeParser(dataTypeID, 'text')(value)] as const;
    });
    this.#rows.push(Object.fromEntries(entries));
  }

  handleCommandComplete({ text }: { readonly text: string }): void {
    const [command = '', ...counts] = text.split(' ');
    const count = counts.at(-1);
    const rowCount = count === undefined ? null : Number(count);
    this.#results.push({ command, rowCount, oid: 0, fields: [...this.#fields], rows: this.#rows });
    this.#fields = [];
    this.#rows = [];
  }

  handleError(error: Error, connection: Connection): void {
    this.#note(connection, 'doubtful');
    this.callback(error);
  }

  handleReadyForQuery(connection: Connection): void {
    this.#note(connection, 'parsed');
    this.callback(undefined);
  }

  #send(connection: Connection, { text, name, values }: Message): void {
    if (name === '' || !this.#begun.includes(name)) this.#parse(connection, name, text);
    connection.bind({ statement: name, values: [...values] }, MORE);
    connection.describe({ type: 'P', name: '' }, MORE);
    connection.execute(null, MORE);
  }

  #parse(connection: Connection, name: string, text: string): void {
    const known = names.get(connection)?.get(name);
    if (known === 'parsed') return;
    if (known === 'doubtful') connection.close({ type: 'S', name }, MORE);
    connection.parse({ text, name, types: [] }, MORE);
    if (name !== '') this.#begun.push(name);
  }

  #note(connection: Connection, what: 'parsed' | 'doubtful'): void {
    const known = names.get(connection) ?? new Map<string, 'parsed' | 'doubtful'>();
    names.set(connection, known);
    for (const name of this.#begun) known.set(name, what);
  }
}

/** As PostgreSQL reads a text parameter; bytes go as they are. */
function toWire(value: unknown): Wire {
  if (value === null || value === undefined) return null;
  if (Buffer.isBuffer(value)) return value;
  return Array.isArray(value) ? `{${value.map(element).join(',')}}` : textOf(value);
}

/** https://www.postgresql.org/docs/15/arrays.html#ARRAYS-IO */
function element(value: unknown): string {
  return value === null || value === undefined ? 'NULL' : `"${textOf(value).replaceAll(/["\\]/g, '\\$&')}"`;
}

function textOf(value: unknown): string {
  if (typeof value === 'string') return escapeText(value);
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  throw new TypeError(`a value of type ${typeof value} is no parameter of a statement`);
}
