import type { StatementPort } from '../../database/transaction-port.ts';
import { DATA_SCHEMA } from '../layout.ts';

const TABLES = `
  SELECT pg_catalog.quote_ident(relname) FROM pg_catalog.pg_class
   WHERE relnamespace = '${DATA_SCHEMA}'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition`;

/**
 * Deletes every row of the user, the note of the seed too. It is one statement,
 * because references are checked at its end: no order of tables is needed.
 */
export async function forgetRows(port: StatementPort): Promise<void> {
  const { rows } = await port.statement(TABLES, []);
  const deletions = rows.map(([name], at) => `t${at} AS (DELETE FROM ${DATA_SCHEMA}.${String(name)})`);
  if (deletions.length > 0) await port.statement(`WITH ${deletions.join(', ')} SELECT`, []);
}
