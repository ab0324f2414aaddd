import { describe, expect, test } from '../../../../src/testing/vitest/index.ts';
import type { LibraryTransaction } from '../src/tables.ts';

test('two readers at once have each their own shelf, and see their own runs only', async ({ alice, bob }) => {
  const [hers, his] = await Promise.all([alice.client(), bob.client()]);

  const first = hers.start('clerk', { title: alice.marked('Otters') });
  const second = his.start('clerk', { title: bob.marked('Badgers') });

  expect(await first.result).toMatchObject({ status: 'completed', result: [alice.marked('Otters')] });
  expect(await second.result).toMatchObject({ status: 'completed', result: [bob.marked('Badgers')] });
  expect((await alice.fetch(`/api/runs/${first.id}`)).status).toBe(200);
  expect((await bob.fetch(`/api/runs/${first.id}`)).status).toBe(404);
});

test('a reader who asks nothing is told nothing', async ({ alice, bob }) => {
  const [hers] = await Promise.all([alice.client(), bob.connected()]);

  await hers.start('clerk', { title: 'Otters' }).result;

  await expect(bob).toHaveSeenNothing();
});

test('a reader who stops a run is obeyed', async ({ alice }) => {
  const client = await alice.client();
  const run = client.start('reader', null);
  for await (const { type } of run) if (type === 'agent_started') break;

  await run.cancel('it is late');

  expect(await run.result).toMatchObject({ status: 'cancelled' });
});

test('a book that is borrowed twice fails the run, and what a failed transaction wrote is gone', async ({
  executionEngineFactoryTestInitialized: factory,
  alice,
}) => {
  await using engine = await factory.createForUser(alice.context());
  const { databaseSessionManager: database } = engine;
  const borrowing = database.transaction(async (db: LibraryTransaction) => {
    await db.insertInto('books').values({ title: 'Otters' }).execute();
    throw new Error('the library closes');
  });
  await expect(borrowing).rejects.toThrow('the library closes');

  const run = engine.executeAgent('clerk', { title: 'Otters' });

  await expect(run).toHaveTimeline((t) => t.seq(t.started, t.tool('borrow'), t.tool('shelf'), t.completed));
});

describe('readers who come after one another', () => {
  test.for(['first', 'second'])('the %s has an empty shelf', async (title, { sharedRuntime, alice }) => {
    await using engine = await sharedRuntime.factory.createForUser(alice.context());

    expect(await engine.executeAgent('clerk', { title }).result).toMatchObject({ result: [title] });
  });
});
