import { expect, test } from 'vitest';
import { Models } from './models.ts';

function asked(text: string) {
  return { prompt: [{ role: 'user' as const, content: [{ type: 'text' as const, text }] }] };
}

test('the last 1,000 calls are kept, and every call is told', async () => {
  let told = 0;
  await using models = new Models({ onCall: () => (told += 1) });
  models.script('m', (s) => s.say('x'), { times: Infinity });

  for (let nth = 1; nth <= 1_001; nth += 1) await models.languageModel('m').doGenerate(asked(`${nth}`));

  expect(models.calls.length).toBe(1_000);
  expect(models.calls[0]?.nth).toBe(2);
  expect([models.callsDropped, told]).toEqual([1, 1_001]);
});

test('of long prompts fewer calls are kept, the last one always', async () => {
  await using models = new Models();
  models.script('m', (s) => s.say('x'), { times: Infinity });
  const long = 'otter '.repeat(1_500_000);

  await models.languageModel('m').doGenerate(asked(long));
  await models.languageModel('m').doGenerate(asked(long + long));
  expect(models.calls.map(({ nth }) => nth)).toEqual([2]);
});

test('the first 100 refusals are kept', async () => {
  await using models = new Models();
  for (let nth = 0; nth < 101; nth += 1)
    await expect(models.languageModel('m').doGenerate(asked('a'))).rejects.toThrow('no script');
  expect(models.takeRefused().length).toBe(100);
});

test('the last 5,000 conversations are remembered', async () => {
  await using models = new Models();
  models.script('m', (s) => s.say('x').say('y'), { when: 'conversation' });
  models.script('m', (s) => s.say('z'), { times: Infinity });
  const model = models.languageModel('m');
  await model.doGenerate(asked('conversation'));
  for (let nth = 0; nth < 5_000; nth += 1) await model.doGenerate(asked(`${nth}`));

  const { content } = await model.doGenerate({
    prompt: [
      ...asked('conversation').prompt,
      { role: 'assistant', content: [{ type: 'text', text: 'x' }] },
      ...asked('go on').prompt,
    ],
  });
  expect(content).toEqual([{ type: 'text', text: 'z' }]);
});
