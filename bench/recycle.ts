/** recycle: emptying a database between two tests; five tables of the application and the log have rows. */

import { Client } from 'pg';

import { endKit } from '../src/testing/kit-end.ts';
import { openTestDatabase } from '../src/testing/postgres/test-databases.ts';
import { quantile, report } from './report.ts';
import { plan, TABLES } from './test-application.ts';

const ROUNDS = 500;
const ROWS = 20;
const DIRTY = TABLES.slice(0, 5);

const dirtying = [
  ...DIRTY.map(
    (table) =>
      `INSERT INTO enginehouse_data.${table} (enginehouse_owner, id, label, count)
        SELECT '["default","ada"]', nth::text, 'a label', nth FROM generate_series(1, ${ROWS}) nth`,
  ),
  `INSERT INTO enginehouse.events (run, seq, owner, type, at, crc, data)
    SELECT 1, nth, '["default","ada"]', 'message_delta', 0, 0, repeat('x', 200) FROM generate_series(1, ${ROWS}) nth`,
].join('; ');

const times: number[] = [];
for (let round = 0; round < ROUNDS; round += 1) {
  const database = await openTestDatabase({ plan, isolation: 'recycle' });
  const client = new Client({ connectionString: database.store.url });
  await client.connect();
  await client.query(dirtying);
  await client.end();
  const startedAt = performance.now();
  await database.release({ failedTest: undefined, inOrder: true });
  times.push(performance.now() - startedAt);
}
if ((await endKit()).length > 0) throw new Error('not everything could be dropped');

report('recycle', [
  {
    name: 'emptied, p50',
    value: quantile(times, 0.5),
    unit: 'ms',
    target: 2,
    range: [Math.min(...times), Math.max(...times)],
  },
  { name: 'emptied, p95', value: quantile(times, 0.95), unit: 'ms', target: 6 },
]);
