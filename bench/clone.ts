/** clone: a database for each test, taken from the warm pool and dropped after it, on the server that tests have. */

import { setTimeout as sleep } from 'node:timers/promises';

import { Client } from 'pg';

import { endKit } from '../src/testing/kit-end.ts';
import { openTestDatabase } from '../src/testing/postgres/test-databases.ts';
import { quantile, report } from './report.ts';
import { plan } from './test-application.ts';

const ROUNDS = 100;
/** What a test does while the next database is made: long enough that one is. */
const BODY_MS = 60;
const ENDED_WELL = { failedTest: undefined, inOrder: true };

const take = () => openTestDatabase({ plan, isolation: 'clone' });

const startedAt = performance.now();
await (await take()).release(ENDED_WELL);
const firstMs = performance.now() - startedAt;

const taken: number[] = [];
const asked: number[] = [];
for (let round = 0; round < ROUNDS; round += 1) {
  await sleep(BODY_MS);
  const before = performance.now();
  const database = await take();
  taken.push(performance.now() - before);
  const client = new Client({ connectionString: database.store.url });
  await client.connect();
  await client.query('SELECT count(*) FROM enginehouse.runs');
  asked.push(performance.now() - before);
  await client.end();
  await database.release(ENDED_WELL);
}

const sustainedFrom = performance.now();
for (let round = 0; round < ROUNDS; round += 1) await (await take()).release(ENDED_WELL);
if ((await endKit()).length > 0) throw new Error('not everything could be dropped');
const perSecond = (ROUNDS * 1_000) / (performance.now() - sustainedFrom);

report(
  'clone',
  [
    { name: 'taken from the warm pool, p50', value: quantile(taken, 0.5), unit: 'ms', target: 10 },
    { name: 'taken from the warm pool, p95', value: quantile(taken, 0.95), unit: 'ms', target: 30 },
    { name: 'the same, connected and one query answered, p50', value: quantile(asked, 0.5), unit: 'ms' },
    { name: 'the same, connected and one query answered, p95', value: quantile(asked, 0.95), unit: 'ms' },
    { name: 'made, taken and dropped without a pause', value: perSecond, unit: '/s', target: 25, better: 'more' },
    { name: 'the first of a process, server and template included', value: firstMs, unit: 'ms' },
  ],
  ['25 tables and 50 indexes of the application, and the system’s own'],
);
