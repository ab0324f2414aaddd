import { expect, test } from 'enginehouse/testing/vitest';

test('who asks nothing is told nothing', async ({ alice, bob }) => {
  const [hers] = await Promise.all([alice.client(), bob.client()]);

  await hers.start('collector', { notes: ['Otters hold hands.'] }).result;

  await expect(bob).toHaveSeenNothing();
});

test('a crowd works at once, and none sees what another writes', async ({ users }) => {
  const crowd = await users(12);

  // The kit looks for these marks in the data of everybody else.
  const kept = await Promise.all(
    crowd.map(async (user) => (await user.client()).start('collector', { notes: [user.marked('mine')] }).result),
  );

  expect(kept.map(({ status }) => status)).toEqual(crowd.map(() => 'completed'));
});

test('an agent runs without a connection too, by an engine of its user', async ({
  executionEngineFactoryTestInitialized: factory,
  alice,
}) => {
  await using engine = await factory.createForUser(alice.context());

  const run = engine.executeAgent('collector', { notes: ['Otters hold hands.'] });

  expect(await run.result).toMatchObject({ status: 'completed', result: { kept: 1 } });
});
