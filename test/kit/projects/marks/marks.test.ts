import type { ProviderV4 } from '@ai-sdk/provider';
import { generateText } from 'ai';
import { z } from 'zod';

import { defineAgent } from '../../../../src/index.ts';
import { expect, test as kit } from '../../../../src/testing/vitest/index.ts';
import { echo } from '../agents.ts';

/** The fault: it outlives its run, and is everybody's. */
const memory: string[] = [];

const rememberer = defineAgent({
  name: 'rememberer',
  inputSchema: z.string(),
  run: ({ input }) => {
    memory.push(input);
    return memory;
  },
});

const asker = (models: ProviderV4) =>
  defineAgent({
    name: 'asker',
    inputSchema: z.string(),
    run: async ({ input, signal }) => {
      memory.push(input);
      const model = models.languageModel('clerk');
      return (await generateText({ model, prompt: memory.join('\n'), abortSignal: signal })).text;
    },
  });

const test = kit.override('runtimeOptions', ({ models }) => ({
  config: { agents: [echo, rememberer, asker(models)] },
}));

test('two users of an agent that remembers for all', async ({ alice, bob }) => {
  const [hers, his] = await Promise.all([alice.client(), bob.client()]);

  expect(await hers.start('rememberer', alice.marked('otters')).result).toMatchObject({ status: 'completed' });
  expect(await his.start('rememberer', bob.marked('bees')).result).toMatchObject({ status: 'completed' });
});

test('a user who is told what a user of the test before said', async ({ users, testHome }) => {
  expect(users).toBeDefined();
  const carol = testHome.user('carol');

  expect(await (await carol.client()).start('rememberer', 'bees').result).toMatchObject({ status: 'completed' });
});

test('a model that is asked with the words of another user', async ({ models, alice, bob }) => {
  memory.length = 0;
  models.script('clerk', (s) => s.say('It is said.'), { times: 2 });

  for (const user of [alice, bob]) {
    const client = await user.client();
    expect(await client.start('asker', user.marked('a wish')).result).toMatchObject({ result: 'It is said.' });
  }
});

test('a user who shares on purpose', async ({ testHome, alice, bob }) => {
  memory.length = 0;
  testHome.allowSharing(alice, 'the library shows everybody what alice reads');

  for (const user of [alice, bob]) {
    const client = await user.client();
    expect(await client.start('rememberer', user.marked('otters')).result).toMatchObject({ status: 'completed' });
  }
});

test('two users of an agent that remembers nothing', async ({ alice, bob }) => {
  for (const user of [alice, bob]) {
    const client = await user.client();
    expect(await client.start('echo', user.marked('otters')).result).toMatchObject({ status: 'completed' });
  }
});
