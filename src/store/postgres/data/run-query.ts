import { Query, type PoolClient, type ResultBuilder } from 'pg';

import { sizeOf } from '../../database/read-rows.ts';
import type { StatementResult, Value } from '../../database/worker-protocol.ts';
import { readResult } from './values.ts';

export interface QueryWish {
  readonly sql: string;
  /** Spaces before it: what other sessions of the login can read of it. */
  readonly shownBytes: number;
  readonly parameters: readonly Value[];
  /** What the rows may add up to, counted as on SQLite. */
  readonly limitBytes: number;
  /** Called once, while rows still arrive; they are dropped from then on. */
  readonly tooLarge: () => void;
}

// Rows as they travel are at most twice what they are counted as; bytes are in hexadecimal.
const TRAVEL = 2;
const TRAVEL_SLACK_BYTES = 1_048_576;
/** A row of no columns has an end too. */
const LEAST_ROW_BYTES = 8;

/** Runs one statement by the extended protocol, which knows no second one in a text. @throws what `pg` throws */
export function runQuery(client: PoolClient, wish: QueryWish): Promise<StatementResult> {
  const { sql, shownBytes, parameters, limitBytes, tooLarge } = wish;
  const rows: Value[][] = [];
  let left = limitBytes;
  let travelled = 0;
  const giveUp = (): void => {
    if (left < 0) return;
    left = -1;
    rows.length = 0;
    tooLarge();
  };
  const take = (row: Value[]): void => {
    if (left < 0) return;
    const size = row.reduce<number>((sum, value) => sum + sizeOf(value), 0);
    if (size > left) return giveUp();
    left -= Math.max(size, LEAST_ROW_BYTES);
    rows.push(row);
  };
  const { stream } = client.connection;
  // One value may be larger than everything allowed. It cannot be read in part: the connection ends before it is whole.
  const count = (chunk: Buffer): void => {
    travelled += chunk.length;
    if (travelled <= limitBytes * TRAVEL + TRAVEL_SLACK_BYTES) return;
    giveUp();
    stream.destroy();
  };
  const text = `${' '.repeat(shownBytes)}${sql}`;
  const config = { text, values: [...parameters], rowMode: 'array', queryMode: 'extended' };
  return new Promise<StatementResult>((resolve, reject) => {
    const query = new Query(config);
    query.on('row', take);
    query.on('error', reject);
    query.on('end', ({ command, rowCount, fields }: ResultBuilder) =>
      resolve(readResult({ command, rowCount, fields, rows })),
    );
    stream.on('data', count);
    client.query(query);
  }).finally(() => stream.off('data', count));
}
