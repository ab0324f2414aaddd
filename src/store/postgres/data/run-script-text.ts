import type { QueryConfig } from 'pg';

/**
 * Runs a text of many statements as one that PL/pgSQL executes: it can neither
 * end the transaction nor begin another.
 */
export async function runScriptText(query: (query: QueryConfig) => Promise<unknown>, sql: string): Promise<void> {
  await query({ text: "SELECT pg_catalog.set_config('enginehouse.script', $1, true)", values: [sql] });
  await query({ text: "DO $$ BEGIN EXECUTE pg_catalog.current_setting('enginehouse.script'); END $$" });
}
