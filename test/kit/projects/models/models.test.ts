import type { ProviderV4 } from '@ai-sdk/provider';
import { generateText } from 'ai';

import { defineAgent } from '../../../../src/index.ts';
import { expect, test as kit } from '../../../../src/testing/vitest/index.ts';
import type { TestUser } from '../../../../src/testing/vitest/index.ts';

/** Asks as often as it is told to, and tells nobody when it is refused. */
const writer = (models: ProviderV4) =>
  defineAgent({
    name: 'writer',
    run: async ({ input, signal }) => {
      const ask = async (): Promise<string> => {
        const model = models.languageModel('writer');
        return (await generateText({ model, prompt: 'otters', abortSignal: signal, maxRetries: 0 })).text;
      };
      const texts: string[] = [];
      for (let nth = 0; nth < Number(input); nth += 1) texts.push(await ask().catch(() => 'hidden'));
      return texts;
    },
  });

const test = kit.override('runtimeOptions', ({ models }) => ({ config: { agents: [writer(models)] } }));

const write = async (user: TestUser, times: number) => (await user.client()).start('writer', times).result;

test('a script that nobody asks for', ({ models }) => {
  models.script('writer', (s) => s.say('Otters.')); // nobody asks for it
});

test('a script of one turn too many', async ({ models, alice }) => {
  models.script('writer', (s) => s.say('Otters.').turn().say('Bees.')); // one turn too many
  expect(await write(alice, 1)).toMatchObject({ result: ['Otters.'] });
});

test('a call too many, whose error the agent hides', async ({ models, alice }) => {
  models.script('writer', (s) => s.say('Otters.')); // one turn too few
  expect(await write(alice, 2)).toMatchObject({ result: ['Otters.', 'hidden'] });
});

test('a model without a script', async ({ models, alice }) => {
  expect(models).toBeDefined();
  expect(await write(alice, 1)).toMatchObject({ result: ['hidden'] });
});

test('a failure that never came, and a hold that nobody reached', async ({ models, alice }) => {
  models.script('writer', (s) => s.say('Otters.'));
  models.fail('429', { model: 'reader' }); // never came
  models.for(alice).hold('writer').after.tokens(3); // nobody reached it
  expect(await write(alice, 1)).toMatchObject({ result: ['Otters.'] });
});

test('a test that fails by itself is told only that', ({ models }) => {
  models.script('writer', (s) => s.say('Otters.'));
  throw new Error('by itself');
});

test('a test that fails because a call was refused', async ({ models, alice }) => {
  models.script('writer', (s) => s.say('Otters.'));
  expect(await write(alice, 2)).toMatchObject({ result: ['Otters.', 'Bees.'] });
});

test('a test that uses what it wrote', async ({ models, alice }) => {
  models.script('writer', (s) => s.say('Otters.').turn().say('Bees.'), { inOrder: true });
  expect(await write(alice, 2)).toMatchObject({ result: ['Otters.', 'Bees.'] });
});
