import { expect, test } from './kit.ts';

test('the librarian answers from the notes of its user', async ({ models, alice }) => {
  models.script('librarian', (s) => s.expecting('Otters hold hands.').say('They hold hands.'));
  const client = await alice.client();
  await client.start('collector', { notes: ['Otters hold hands.', 'Bees dance.'] }).result;

  const run = client.start('librarian', { about: 'otters' });

  expect(await run.result).toMatchObject({ status: 'completed', result: { answer: 'They hold hands.', notes: 1 } });
  // What is named comes, in this order; kinds of events that are not named may stand anywhere.
  await expect(run).toHaveTimeline((t) => t.seq(t.started, t.tool('search'), t.step('answer'), t.completed));
  // All of it, without ids and times.
  await expect(run).toMatchTimelineSnapshot();
});

test('two users at once have each their own notes and answers', async ({ models, alice, bob }) => {
  models.for(alice).script('librarian', (s) => s.expecting('Otters hold hands.').say('They hold hands.'));
  models.for(bob).script('librarian', (s) => s.expecting('Otters steal fish.').say('They steal fish.'));
  const [hers, his] = await Promise.all([alice.client(), bob.client()]);
  await Promise.all([
    hers.start('collector', { notes: ['Otters hold hands.'] }).result,
    his.start('collector', { notes: ['Otters steal fish.'] }).result,
  ]);

  const answers = await Promise.all([
    hers.start('librarian', { about: 'otters' }).result,
    his.start('librarian', { about: 'otters' }).result,
  ]);

  expect(answers).toMatchObject([
    { result: { answer: 'They hold hands.', notes: 1 } },
    { result: { answer: 'They steal fish.', notes: 1 } },
  ]);
});

test('a model that falls silent ends its run after ten minutes, which take no time', async ({
  models,
  clock,
  alice,
}) => {
  models.script('librarian', (s) => s.say('They hold hands.'));
  const silence = models.hold('librarian').after.tokens(1);
  const run = (await alice.client()).start('librarian', { about: 'otters' });
  await silence.reached;

  await clock.advance('10m');

  await expect(run).toHaveTimeline((t) => t.seq(t.started, t.failed('RUN_TIMEOUT')));
});

test('a model that refuses the key fails the run, and nothing is said', async ({ models, alice }) => {
  models.fail('401');

  const run = (await alice.client()).start('librarian', { about: 'otters' });

  await expect(run).toHaveTimeline((t) => t.seq(t.started, t.step('answer'), t.failed('AGENT_THREW')));
});
