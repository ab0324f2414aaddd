/** One train of messages: what goes in comes out, and a failure leaves a connection that goes on. */

import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';

import { ada } from '../../../test/contract/store/samples.ts';
import { readyTestDatabase, type ReadyTestDatabase } from '../../../test/support/postgres-database.ts';
import { ResourceRegistry } from '../../base/resource-registry.ts';
import { Connections } from './connections.ts';
import { deriveFrom } from './layout.ts';
import { prepared } from './prepared.ts';
import { urlAs } from './target.ts';

let database: ReadyTestDatabase;
beforeAll(async () => {
  database = await readyTestDatabase();
});
afterAll(() => database[Symbol.asyncDispose]());

function connect(prepare: boolean): Connections {
  const { url, roles, secret } = database.ready;
  const { systemPassword, principalKey: key } = deriveFrom(secret);
  const resources = new ResourceRegistry();
  const login = urlAs(url, roles.system, systemPassword);
  const connections = new Connections({
    url: login,
    name: 'train',
    most: 1,
    timeoutMs: 5_000,
    key,
    resources,
    prepare,
  });
  onTestFinished(() => connections[Symbol.asyncDispose]());
  return connections;
}

const echo = prepared(
  'test_echo',
  `SELECT $1::text AS text, $2::text[] AS texts, $3::bigint[] AS numbers, $4::bytea AS bytes, $5::double precision AS number,
     $6::boolean AS yes, $7::text AS nothing`,
);
const one = prepared('test_one', 'SELECT 1::int8 AS one');
const failing = prepared('test_division', 'SELECT 1 / $1::int AS never');

test.each([true, false])('values come back as they went, prepared by name or not (%s)', async (prepare) => {
  const texts = ['plain', 'a "quote" and \\ back', '{braces}, commas', '', 'NULL', 'nul \u0000 and \u0001', '😀'];
  const bytes = Buffer.from([0, 1, 255]);
  const values = [texts[5], [...texts, null], [1, 2 ** 53 - 1], bytes, 0.1, true, null];

  const [first, second] = await connect(prepare).transact({ owners: [ada] }, [echo(...values), echo(...values)]);

  const expected = {
    text: texts[5],
    numbers: [1, 2 ** 53 - 1].map(String),
    bytes,
    number: 0.1,
    yes: true,
    nothing: null,
  };
  for (const result of [first, second]) {
    expect(result?.rows[0]).toMatchObject(expected);
    // What an array holds is read by no statement of the log, and so is not decoded.
    expect(result?.rows[0].texts).toEqual([...texts.with(5, 'nul \u00010 and \u00011'), null]);
  }
});

test.each([true, false])('after a failure the connection goes on with the same statements (%s)', async (prepare) => {
  const connections = connect(prepare);
  const transact = (divisor: number) => connections.transact({ owners: [ada] }, [one(), failing(divisor), one()]);

  await expect(transact(0)).rejects.toMatchObject({ code: '22012' });
  await expect(transact(0)).rejects.toMatchObject({ code: '22012' });
  const results = await transact(1);

  expect(results.map(({ rows, rowCount }) => [rows, rowCount])).toEqual([
    [[{ one: 1 }], 1],
    [[{ never: 1 }], 1],
    [[{ one: 1 }], 1],
  ]);
});

test('a statement that is no SQL fails alone: the next transaction is made', async () => {
  const connections = connect(true);
  const broken = prepared('test_broken', 'SELEC 1');

  await expect(connections.transact({ owners: [ada] }, [one(), broken()])).rejects.toMatchObject({ code: '42601' });

  expect((await connections.transact({ owners: [ada] }, [one()]))[0]?.rows).toEqual([{ one: 1 }]);
});
