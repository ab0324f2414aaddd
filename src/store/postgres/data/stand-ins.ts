/**
 * A later migration says `REFERENCES stock (sku)`, but by then the key of `stock`
 * begins with the owner, and PostgreSQL would refuse. Such a reference is led to
 * a stand-in: a table with the keys as the application wrote them, which exists
 * in the step's transaction alone. When keys are given their owners, the
 * reference is led to the real table.
 */

import { escapeIdentifier, type Client } from 'pg';

import { DATA_SCHEMA, OWNER_COLUMN, SYSTEM_SCHEMA } from '../layout.ts';
import { referencesIn } from './references.ts';

/** The names of stand-ins begin with it. */
export const PREFIX = 'stand_in_';

interface Key {
  readonly primary: boolean;
  /** Quoted, without the owner. */
  readonly columns: readonly string[];
}

export class StandIns {
  readonly #admin: Client;
  /** The tables that had owners before the step, by name. */
  readonly #owned: ReadonlyMap<string, string>;
  /** The real table of each stand-in. */
  readonly #real = new Map<string, string>();

  private constructor(admin: Client, owned: ReadonlyMap<string, string>) {
    this.#admin = admin;
    this.#owned = owned;
  }

  static async before(admin: Client): Promise<StandIns> {
    const { rows } = await admin.query<{ name: string; id: string }>(
      `SELECT c.relname AS name, c.oid::text AS id FROM pg_class c
         JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = '${OWNER_COLUMN}'
        WHERE c.relnamespace = '${DATA_SCHEMA}'::regnamespace AND c.relkind IN ('r', 'p')`,
    );
    return new StandIns(admin, new Map(rows.map(({ name, id }) => [name, id])));
  }

  /** The text with its references to tables that have owners led to their stand-ins. */
  async redirect(sql: string): Promise<string> {
    let text = sql;
    for (const { from, to, schema = DATA_SCHEMA, table } of referencesIn(sql).toReversed()) {
      const id = this.#owned.get(table);
      if (schema !== DATA_SCHEMA || id === undefined) continue;
      text = text.slice(0, from) + (await this.#standIn(table, id)) + text.slice(to);
    }
    return text;
  }

  /** The table that is meant: for a stand-in its real one, any other itself. Both as they are written in SQL. */
  meant(table: string): string {
    return this.#real.get(table) ?? table;
  }

  async drop(): Promise<void> {
    for (const standIn of this.#real.keys()) await this.#admin.query(`DROP TABLE ${standIn}`);
  }

  async #standIn(table: string, id: string): Promise<string> {
    const standIn = `${SYSTEM_SCHEMA}.${PREFIX}${id}`;
    if (this.#real.has(standIn)) return standIn;
    const real = escapeIdentifier(table);
    this.#real.set(standIn, real);
    const keys = await this.#keysOf(id);
    const columns = [...new Set(keys.flatMap((key) => key.columns))].join(', ');
    await this.#admin.query(`CREATE TABLE ${standIn} AS SELECT ${columns} FROM ${DATA_SCHEMA}.${real} WITH NO DATA`);
    for (const { primary, columns: own } of keys) {
      const list = own.join(', ');
      await this.#admin.query(`ALTER TABLE ${standIn} ADD ${primary ? 'PRIMARY KEY' : 'UNIQUE'} (${list})`);
      // Rows that refer to it already must find what they refer to.
      if (primary)
        await this.#admin.query(`INSERT INTO ${standIn} (${list}) SELECT DISTINCT ${list} FROM ${DATA_SCHEMA}.${real}`);
    }
    return standIn;
  }

  async #keysOf(id: string): Promise<readonly Key[]> {
    const { rows } = await this.#admin.query<Key>(
      `SELECT i.indisprimary AS primary,
              ARRAY (SELECT quote_ident(a.attname) FROM unnest(i.indkey[0:i.indnkeyatts - 1]) WITH ORDINALITY k(number, place)
                       JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.number
                      WHERE a.attname <> '${OWNER_COLUMN}' ORDER BY k.place) AS columns
         FROM pg_index i
        WHERE i.indrelid = $1::oid AND i.indisunique AND i.indimmediate AND i.indpred IS NULL AND i.indexprs IS NULL
        ORDER BY i.indisprimary DESC, i.indexrelid`,
      [id],
    );
    return rows.filter(({ columns }) => columns.length > 0);
  }
}
