import { expect, test } from 'vitest';
import { z } from 'zod';

import { defineAgent } from '../../src/agent/define-agent.ts';
import { EnginehouseError } from '../../src/base/errors.ts';
import { TestRuntime } from '../../src/testing/test-runtime.ts';
import { tool } from '../../src/tool/tool.ts';
import { checkRunLog } from '../support/invariants.ts';
import { Moments } from '../support/moments.ts';
import { until } from '../support/until.ts';

const moments = new Moments();

/** Writes a row, and commits when the test says so. */
const keep = tool({
  description: 'Keeps a word.',
  inputSchema: z.string(),
  execute: (word, { database }) =>
    database.transaction(async (db) => {
      await db.insertInto('word').values({ word }).execute();
      moments.tell(`${word} is written`);
      await moments.of(`${word} may be kept`);
    }),
});

const keeper = defineAgent({
  name: 'keeper',
  inputSchema: z.string(),
  tools: { keep },
  run: ({ input, tools }) => tools.keep(input),
});

const config = { agents: [keeper], database: { migrations: { '001': 'CREATE TABLE word (word TEXT PRIMARY KEY)' } } };

test('a transaction that a test stops is open and not busy; one that is abandoned fails its tool, and is undone', async () => {
  await using home = await TestRuntime.boot({ config });
  const { databases } = home.watch;
  const user = home.user('ada');
  const client = await user.client();
  const kept = client.start('keeper', 'kept');
  await moments.of('kept is written');
  const lost = client.start('keeper', 'lost');

  await until('the next writer waits behind it', () => databases.open().length === 2);
  await until('there is nothing to wait for but the test', () => databases.busy() === 0);
  expect(databases.open().map(({ owner }) => owner)).toEqual([user.id, user.id]);
  expect(databases.open()[0]?.origin).toContain('held-transaction.test.ts');
  moments.tell('kept may be kept');
  expect(await kept.result).toMatchObject({ status: 'completed' });

  await moments.of('lost is written');
  await databases.abandon(new EnginehouseError('CLOSED', 'the test is over', { what: 'the test' }));
  expect(await lost.result).toMatchObject({ status: 'failed', error: { code: 'CLOSED' } });
  expect(databases.open()).toEqual([]);

  const words = await home.runtime.factory.userExecutionScope(user.context(), ({ databaseSessionManager }) =>
    databaseSessionManager.transaction((db) => db.selectFrom('word').selectAll().execute()),
  );
  expect(words).toEqual([{ word: 'kept' }]);
  for (const { owner, runId } of home.watch.store.runsOf(user.context()))
    checkRunLog(await home.runtime.store.for(owner).log.read(runId, 0, 100));
});
