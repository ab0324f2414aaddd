import {
  customProvider,
  createProviderRegistry,
  generateText,
  isStepCount,
  Output,
  streamText,
  tool,
  ToolLoopAgent,
} from 'ai';
import { NoSuchModelError } from '@ai-sdk/provider';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { Models } from './models.ts';

const search = tool({
  description: 'Searches.',
  inputSchema: z.object({ q: z.string() }),
  execute: ({ q }) => ({ found: `${q} hold hands` }),
});
const price = tool({
  description: 'The price of a thing.',
  inputSchema: z.object({ of: z.string() }),
  execute: ({ of }) => ({ of, euros: 3 }),
});

test('a script answers generateText: a call, its result, then words', async () => {
  await using models = new Models();
  models.script('researcher', (s) => s.think('look it up').call('search', { q: 'otters' }).say('Otters hold hands.'));

  const { text, steps } = await generateText({
    model: models.languageModel('researcher'),
    tools: { search },
    stopWhen: isStepCount(3),
    prompt: 'What do otters do?',
  });

  expect(text).toBe('Otters hold hands.');
  expect(steps.map(({ finishReason }) => finishReason)).toEqual(['tool-calls', 'stop']);
  expect(steps[0]?.reasoningText).toBe('look it up');
  expect(steps[0]?.toolResults[0]?.output).toEqual({ found: 'otters hold hands' });
  expect(models.unused()).toEqual([]);
  expect(models.takeRefused()).toEqual([]);
});

test('a stream gives what the whole answer gives, in the parts of the specification', async () => {
  await using models = new Models();
  const write = (times: number) =>
    models.script(
      'researcher',
      (s) => s.think('look it up').say('One moment.').call('search', { q: 'otters' }).say('They hold hands.'),
      { times },
    );
  write(2);
  const asked = {
    model: models.languageModel('researcher'),
    tools: { search },
    stopWhen: isStepCount(3),
    prompt: 'Otters?',
  };

  const whole = await generateText(asked);
  const streamed = streamText(asked);
  const parts: string[] = [];
  for await (const part of streamed.stream) parts.push(part.type);

  expect(await streamed.text).toBe(whole.text);
  expect((await streamed.steps).map(({ content }) => content.map(({ type }) => type))).toEqual(
    whole.steps.map(({ content }) => content.map(({ type }) => type)),
  );
  expect(await streamed.usage).toEqual(whole.usage);
  expect(parts).toEqual([
    'start',
    'start-step',
    'reasoning-start',
    'reasoning-delta',
    'reasoning-delta',
    'reasoning-delta',
    'reasoning-end',
    'text-start',
    'text-delta',
    'text-delta',
    'text-end',
    'tool-input-start',
    'tool-input-delta',
    'tool-input-delta',
    'tool-input-end',
    'tool-call',
    'tool-result',
    'finish-step',
    'start-step',
    'text-start',
    'text-delta',
    'text-delta',
    'text-delta',
    'text-end',
    'finish-step',
    'finish',
  ]);
});

test('calls of one turn run in parallel, and a ToolLoopAgent comes back with all results', async () => {
  await using models = new Models();
  models.script('buyer', (s) =>
    s
      .calls([
        ['search', { q: 'fish' }],
        ['price', { of: 'fish' }],
      ])
      .expecting('euros')
      .call('search', { q: 'kelp' })
      .also('price', { of: 'kelp' })
      .reply((call) => `I saw ${call.toolResults.map((seen) => seen.tool).join(' and ')}.`),
  );
  const agent = new ToolLoopAgent({ model: models.languageModel('buyer'), tools: { search, price } });

  const { text, steps } = await agent.generate({ prompt: 'Buy dinner.' });

  expect(text).toBe('I saw search and price.');
  expect(steps.map(({ toolCalls }) => toolCalls.length)).toEqual([2, 2, 0]);
  expect(models.unused()).toEqual([]);
});

test('an object is structured output', async () => {
  await using models = new Models();
  models.script('clerk', (s) => s.object({ name: 'Otto', paws: 4 }), { times: 2 });
  const output = Output.object({ schema: z.object({ name: z.string(), paws: z.number() }) });
  const asked = { model: models.languageModel('clerk'), output, prompt: 'Describe an otter.' };

  expect((await generateText(asked)).output).toEqual({ name: 'Otto', paws: 4 });
  expect(await streamText(asked).output).toEqual({ name: 'Otto', paws: 4 });
  expect(models.calls[0]?.settings.responseFormat?.type).toBe('json');
});

test('usage and the reason of the end are as written', async () => {
  await using models = new Models();
  models.script('clerk', (s) => s.say('A long st').usage({ input: 700, output: 30, cached: 500 }).finish('length'));

  const { usage, finishReason } = await generateText({ model: models.languageModel('clerk'), prompt: 'Tell.' });

  expect(finishReason).toBe('length');
  expect(usage).toMatchObject({ inputTokens: 700, outputTokens: 30, inputTokenDetails: { cacheReadTokens: 500 } });
});

test('a model goes through a registry and a custom provider, and other kinds of models do not exist', async () => {
  await using models = new Models();
  models.script('clerk', (s) => s.say('Yes.'), { times: 2 });
  const registry = createProviderRegistry({ test: models });
  const custom = customProvider({
    languageModels: { helper: models.languageModel('clerk') },
    fallbackProvider: models,
  });

  expect((await generateText({ model: registry.languageModel('test:clerk'), prompt: 'a' })).text).toBe('Yes.');
  expect((await generateText({ model: custom.languageModel('helper'), prompt: 'b' })).text).toBe('Yes.');
  expect(() => custom.embeddingModel('vectors')).toThrow(NoSuchModelError);
  expect(() => models.imageModel('pictures')).toThrow(NoSuchModelError);
});

test('what a model was asked is kept', async () => {
  await using models = new Models();
  models.script('clerk', (s) => s.say('Yes.'));

  await generateText({
    model: models.languageModel('clerk'),
    instructions: 'Be brief.',
    prompt: 'Is it open?',
    temperature: 0.5,
    tools: { search },
  });

  const [call] = models.calls;
  expect(call).toMatchObject({ model: 'clerk', nth: 1, kind: 'generate', settings: { temperature: 0.5 } });
  expect(call?.lastUserMessage).toBe('Is it open?');
  expect(call?.toolNames).toEqual(['search']);
  expect(JSON.stringify(call?.prompt)).toContain('Be brief.');
});

test('a call that the model gets wrong reaches the application as such', async () => {
  await using models = new Models();
  models.script('clerk', (s) => s.miscall('serch', '{"q":').say('Sorry.'));

  const { text, steps } = await generateText({
    model: models.languageModel('clerk'),
    tools: { search },
    stopWhen: isStepCount(2),
    prompt: 'Find it.',
  });

  expect(steps[0]?.toolCalls[0]).toMatchObject({ toolName: 'serch', invalid: true });
  expect(text).toBe('Sorry.');
});

test('content of the SDK goes through as it is', async () => {
  await using models = new Models();
  const source = { type: 'source', sourceType: 'url', id: 's1', url: 'https://otters.test/', title: 'Otters' } as const;
  models.script('m', (s) => s.say('They hold hands.').part(source), { times: 2 });
  const asked = { model: models.languageModel('m'), prompt: 'Otters?' };

  expect((await generateText(asked)).sources).toMatchObject([source]);
  expect(await streamText(asked).sources).toMatchObject([source]);
});
