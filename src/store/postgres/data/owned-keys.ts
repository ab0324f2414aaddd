/**
 * Makes keys, unique indexes and references begin with the owner. Names,
 * actions and deferrability stay. References go first and come back last: they
 * stand on the keys.
 */

import { escapeIdentifier, type Client } from 'pg';

import { DATA_SCHEMA, OWNER_COLUMN } from '../layout.ts';
import type { StandIns } from './stand-ins.ts';

/** Of a partitioned table, only what is its own: its partitions follow. @throws what PostgreSQL throws */
export async function keepPerOwner(admin: Client, standIns: StandIns): Promise<void> {
  const references = await referencesOf(admin);
  for (const { table, name } of references) {
    await admin.query(`ALTER TABLE ${table} DROP CONSTRAINT ${escapeIdentifier(name)}`);
  }
  for (const { table, name, definition } of await keysOf(admin)) {
    const constraint = escapeIdentifier(name);
    const owned = definition.replace('(', `(${OWNER_COLUMN}, `);
    await admin.query(`ALTER TABLE ${table} DROP CONSTRAINT ${constraint}, ADD CONSTRAINT ${constraint} ${owned}`);
  }
  for (const { name, definition } of await uniqueIndexesOf(admin)) {
    await admin.query(`DROP INDEX ${name}`);
    await admin.query(
      definition.replace(' ON ONLY ', ' ON ').replace(' USING btree (', ` USING btree (${OWNER_COLUMN}, `),
    );
  }
  for (const reference of references) {
    await admin.query(referenceSql({ ...reference, target: standIns.meant(reference.target) }));
  }
  for (const table of await withoutOwnerIndex(admin)) {
    await admin.query(`CREATE INDEX ON ${table} (${OWNER_COLUMN})`);
  }
}

interface Key {
  readonly table: string;
  readonly name: string;
  readonly definition: string;
}

interface Reference {
  readonly table: string;
  readonly name: string;
  readonly columns: readonly string[];
  readonly target: string;
  readonly targetColumns: readonly string[];
  readonly onUpdate: string;
  readonly onDelete: string;
  /** Columns that ON DELETE SET changes; none for all. */
  readonly setColumns: readonly string[];
  readonly timing: string;
}

/** The columns of a constraint, in order, quoted. */
function columns(table: string, numbers: string): string {
  return `ARRAY (SELECT quote_ident(a.attname) FROM unnest(${numbers}) WITH ORDINALITY k(number, place)
                   JOIN pg_attribute a ON a.attrelid = ${table} AND a.attnum = k.number ORDER BY k.place)`;
}

const ACTION = (column: string): string =>
  `CASE ${column} WHEN 'r' THEN 'RESTRICT' WHEN 'c' THEN 'CASCADE' WHEN 'n' THEN 'SET NULL' WHEN 'd' THEN 'SET DEFAULT' ELSE 'NO ACTION' END`;

const OURS = `t.relnamespace = '${DATA_SCHEMA}'::regnamespace AND NOT EXISTS (
  SELECT FROM pg_attribute o WHERE o.attrelid = t.oid AND o.attname = '${OWNER_COLUMN}' AND o.attnum = ANY (`;

async function referencesOf(admin: Client): Promise<readonly Reference[]> {
  const { rows } = await admin.query<Reference>(
    `SELECT c.conrelid::regclass::text AS "table", c.conname AS name,
            ${columns('c.conrelid', 'c.conkey')} AS columns,
            c.confrelid::regclass::text AS target, ${columns('c.confrelid', 'c.confkey')} AS "targetColumns",
            ${ACTION('c.confupdtype')} AS "onUpdate", ${ACTION('c.confdeltype')} AS "onDelete",
            ${columns('c.conrelid', 'c.confdelsetcols')} AS "setColumns",
            concat_ws(' ', CASE WHEN c.condeferrable THEN 'DEFERRABLE' END, CASE WHEN c.condeferred THEN 'INITIALLY DEFERRED' END,
                      CASE WHEN NOT c.convalidated THEN 'NOT VALID' END) AS timing
       FROM pg_constraint c JOIN pg_class t ON t.oid = c.conrelid
      WHERE c.contype = 'f' AND c.conparentid = 0 AND ${OURS} c.conkey))
      ORDER BY c.oid`,
  );
  return rows;
}

async function keysOf(admin: Client): Promise<readonly Key[]> {
  const { rows } = await admin.query<Key>(
    `SELECT c.conrelid::regclass::text AS "table", c.conname AS name, pg_get_constraintdef(c.oid) AS definition
       FROM pg_constraint c JOIN pg_class t ON t.oid = c.conrelid
      WHERE c.contype IN ('p', 'u') AND c.conparentid = 0 AND ${OURS} c.conkey))
      ORDER BY c.oid`,
  );
  return rows;
}

async function uniqueIndexesOf(admin: Client): Promise<readonly Omit<Key, 'table'>[]> {
  const { rows } = await admin.query<Omit<Key, 'table'>>(
    `SELECT i.indexrelid::regclass::text AS name, pg_get_indexdef(i.indexrelid) AS definition
       FROM pg_index i JOIN pg_class t ON t.oid = i.indrelid JOIN pg_class x ON x.oid = i.indexrelid
      WHERE i.indisunique AND NOT x.relispartition AND ${OURS} i.indkey))
        AND NOT EXISTS (SELECT FROM pg_constraint c WHERE c.conindid = i.indexrelid AND c.contype IN ('p', 'u', 'x'))
      ORDER BY i.indexrelid`,
  );
  return rows;
}

async function withoutOwnerIndex(admin: Client): Promise<readonly string[]> {
  const { rows } = await admin.query<{ name: string }>(
    `SELECT t.oid::regclass::text AS name
       FROM pg_class t JOIN pg_attribute o ON o.attrelid = t.oid AND o.attname = '${OWNER_COLUMN}'
      WHERE t.relnamespace = '${DATA_SCHEMA}'::regnamespace AND t.relkind IN ('r', 'p') AND NOT t.relispartition
        AND NOT EXISTS (SELECT FROM pg_index i WHERE i.indrelid = t.oid AND i.indkey[0] = o.attnum AND i.indpred IS NULL)
      ORDER BY t.oid`,
  );
  return rows.map(({ name }) => name);
}

function referenceSql(reference: Reference): string {
  const { table, name, target, onUpdate, onDelete, timing } = reference;
  // All columns but the owner, which stays: a row is never nobody's.
  const changed = reference.setColumns.length > 0 ? reference.setColumns : reference.columns;
  const set = onDelete.startsWith('SET ') ? ` (${changed.join(', ')})` : '';
  return `ALTER TABLE ${table} ADD CONSTRAINT ${escapeIdentifier(name)}
    FOREIGN KEY (${[OWNER_COLUMN, ...reference.columns].join(', ')})
    REFERENCES ${target} (${[OWNER_COLUMN, ...reference.targetColumns].join(', ')})
    ON UPDATE ${onUpdate} ON DELETE ${onDelete}${set} ${timing}`;
}
