/** Looks at a ledger without loading it: what format it has, and which columns say what. */

import type { ToolContext } from '../tool/tool.ts';
import type { LedgerColumns, LedgerFormat } from './ledger-row.ts';
import { readLedger } from './read-ledger.ts';

export interface Inspection {
  readonly file: string;
  readonly bytes: number;
  readonly format: LedgerFormat;
  readonly columns: LedgerColumns;
}

/**
 * Reads up to the first good row.
 *
 * @throws `NOT_FOUND` for an unknown or foreign artifact, `LEDGER_INVALID` when it is not a ledger.
 */
export async function inspectLedger(
  artifact: string,
  { artifacts, signal }: Pick<ToolContext, 'artifacts' | 'signal'>,
): Promise<Inspection> {
  const { title, bytes } = await artifacts.get(artifact);
  let found: Inspection | undefined;
  for await (const { format, columns, rows } of readLedger(artifacts.read(artifact), title)) {
    signal.throwIfAborted();
    found = { file: title, bytes, format, columns };
    if (rows.length > 0) break;
  }
  // The reader throws for a file without a good row, so there was a batch.
  if (found === undefined) throw new Error(`${title} gave no batch`);
  return found;
}
