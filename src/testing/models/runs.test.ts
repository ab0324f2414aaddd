import { streamText, generateText, isStepCount, tool } from 'ai';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { defineAgent } from '../../agent/define-agent.ts';
import { TestRuntime } from '../test-runtime.ts';
import { Models } from './models.ts';

/** An agent of an application that uses the AI SDK by itself. */
function researcher(models: Models) {
  return defineAgent({
    name: 'researcher',
    inputSchema: z.object({ about: z.string() }),
    run: async ({ input, signal }) => {
      const search = tool({ inputSchema: z.object({ q: z.string() }), execute: ({ q }) => `${q} hold hands` });
      const answer = streamText({
        model: models.languageModel('researcher'),
        tools: { search },
        stopWhen: isStepCount(4),
        prompt: `What about ${input.about}?`,
        abortSignal: signal,
        onError: () => undefined,
      });
      let text = '';
      for await (const words of answer.textStream) text += words;
      const { text: short } = await generateText({
        model: models.languageModel('summariser'),
        prompt: text,
        abortSignal: signal,
      });
      return { text, short };
    },
  });
}

function write(models: Pick<Models, 'script'>, about: string): void {
  models.script('researcher', (s) => s.call('search', { q: about }).expecting('hold hands').say(`All about ${about}.`));
  models.script('summariser', (s) => s.say(about));
}

test('every call in a run is known by the user and the run that made it', async () => {
  await using models = new Models();
  await using home = await TestRuntime.boot({ config: { agents: [researcher(models)] } });
  const users = Array.from({ length: 8 }, (_, nth) => home.user(`user-${nth}`));
  for (const user of users.toReversed()) write(models.for(user), `topic of ${user.id}`);

  const runs = await Promise.all(
    users.map(async (user) => {
      const client = await user.client();
      const run = client.start('researcher', { about: `topic of ${user.id}` });
      return { user, run, result: await run.result };
    }),
  );

  for (const { user, run, result } of runs) {
    const topic = `topic of ${user.id}`;
    expect(result).toMatchObject({ status: 'completed', result: { text: `All about ${topic}.`, short: topic } });
    const own = models.calls.filter(({ userId }) => userId === user.id);
    expect(own.map(({ runId, model }) => [runId, model])).toEqual(
      ['researcher', 'researcher', 'summariser'].map((model) => [run.id, model]),
    );
  }
  expect(models.unused()).toEqual([]);
  expect(models.takeRefused()).toEqual([]);
});

test('a held run is cancelled at once, and another user’s run goes on beside it', async () => {
  await using models = new Models();
  await using home = await TestRuntime.boot({ config: { agents: [researcher(models)] } });
  const [alice, bob] = [home.user('alice'), home.user('bob')];
  models.for(alice).script('researcher', (s) => s.say('Otters hold hands.'));
  write(models.for(bob), 'seals');
  const hold = models.for(alice).hold('researcher').after.tokens(2);

  const held = (await alice.client()).start('researcher', { about: 'otters' });
  expect((await hold.reached).userId).toBe(alice.id);
  const other = await (await bob.client()).start('researcher', { about: 'seals' }).result;
  expect(other.status).toBe('completed');
  await held.cancel();
  expect((await held.result).status).toBe('cancelled');
  expect(models.busy()).toBe(0);
  expect(models.unused()).toEqual([]);
});

test('what a model refused is kept, also when the SDK hides it', async () => {
  await using models = new Models();
  await using home = await TestRuntime.boot({ config: { agents: [researcher(models)] } });
  models.script('summariser', (s) => s.say('x'), { times: Infinity });

  const run = (await home.user('alice').client()).start('researcher', { about: 'otters' });
  await run.result;
  expect(models.takeRefused()).toMatchObject([{ code: 'MODEL_UNKNOWN', details: { model: 'researcher' } }]);
});
