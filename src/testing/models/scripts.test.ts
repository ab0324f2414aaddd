import { generateText, isStepCount, streamText, tool, type ModelMessage } from 'ai';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { asyncScope } from '../../base/async-scope.ts';
import { isEnginehouseError, type ErrorCode } from '../../base/errors.ts';
import { Fence } from '../audit/fence.ts';
import { Models } from './models.ts';

const search = tool({ inputSchema: z.object({ q: z.string() }), execute: ({ q }) => q.toUpperCase() });

/** Asks and gives the words of the answer. */
async function ask(models: Models, model: string, asked: string | ModelMessage[]): Promise<string> {
  const messages = typeof asked === 'string' ? [user(asked)] : asked;
  const { text } = await generateText({ model: models.languageModel(model), messages, maxRetries: 0 });
  return text;
}

function user(content: string): ModelMessage {
  return { role: 'user', content };
}

function assistant(content: string): ModelMessage {
  return { role: 'assistant', content };
}

/** What it fails with, which must be ours. */
async function refusal(work: Promise<unknown>, code: ErrorCode): Promise<{ message: string; stack: string }> {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!isEnginehouseError(error, code)) throw new Error(`not ${code}`, { cause: error });
  return { message: error.message, stack: error.stack ?? '' };
}

function inRunOf<T>(userId: string, work: () => Promise<T>, runId = `run-of-${userId}`): Promise<T> {
  return asyncScope.run({ factory: undefined, runId, userId }, work);
}

test('words after words are the next turn, which the same conversation takes', async () => {
  await using models = new Models();
  models.script('m', (s) => s.say('Hello.').say('Fine.').turn().say('Bye.'));

  expect(await ask(models, 'm', 'Hi')).toBe('Hello.');
  const on = [user('Hi'), assistant('Hello.'), user('How are you?')];
  expect(await ask(models, 'm', on)).toBe('Fine.');
  expect(await ask(models, 'm', [...on, assistant('Fine.'), user('Bye')])).toBe('Bye.');
  expect(models.unused()).toEqual([]);
});

test('conversations at once do not mix, however their calls interleave', async () => {
  await using models = new Models();
  models.script(
    'm',
    (s) =>
      s
        .reply((call, turn) => turn.call('search', { q: call.lastUserMessage }))
        .reply((call) => `Found ${call.lastMessage}.`)
        .reply((call) => `And ${call.lastUserMessage}.`),
    { times: 50 },
  );
  const talk = async (nth: number): Promise<string[]> => {
    const model = models.languageModel('m');
    const messages: ModelMessage[] = [user(`otter ${nth}`)];
    const first = streamText({ model, messages, tools: { search }, stopWhen: isStepCount(2) });
    const found = await first.text;
    messages.push(...(await first.response).messages, user(`more ${nth}`));
    const { text } = await generateText({ model, messages, tools: { search } });
    return [found, text];
  };

  const talks = await Promise.all(Array.from({ length: 50 }, (_, nth) => talk(nth)));

  expect(talks).toEqual(talks.map((_, nth) => [`Found OTTER ${nth}.`, `And more ${nth}.`]));
  expect(models.unused()).toEqual([]);
  expect(models.calls.length).toBe(150);
});

test('conversations that are the same word for word are told apart by their tool calls', async () => {
  await using models = new Models();
  models.script('m', (s) => s.call('search', { q: 'a' }).say('Done.'), { times: 20 });
  const talk = () =>
    generateText({ model: models.languageModel('m'), tools: { search }, stopWhen: isStepCount(2), prompt: 'Same.' });

  const talks = await Promise.all(Array.from({ length: 20 }, talk));

  expect(talks.map(({ text }) => text)).toEqual(Array.from({ length: 20 }, () => 'Done.'));
  expect(models.unused()).toEqual([]);
});

test('a new conversation takes the next script, in the order they were written', async () => {
  await using models = new Models();
  models.script('m', (s) => s.say('One.'));
  models.script('m', (s) => s.say('Two.'));

  expect(await ask(models, 'm', 'a')).toBe('One.');
  expect(await ask(models, 'm', 'b')).toBe('Two.');
});

test('a conversation whose script has ended takes the next one', async () => {
  await using models = new Models();
  models.script('m', (s) => s.say('One.'));
  models.script('m', (s) => s.say('Two.'));

  expect(await ask(models, 'm', 'a')).toBe('One.');
  expect(await ask(models, 'm', [user('a'), assistant('One.'), user('b')])).toBe('Two.');
});

test('a script may say for which words it is', async () => {
  await using models = new Models();
  models.script('m', (s) => s.say('Something.'));
  models.script('m', (s) => s.say('Otters!'), { when: /otter/i });
  models.script('m', (s) => s.say('Seals!'), { when: (call) => call.lastUserMessage.startsWith('seal') });

  expect(await ask(models, 'm', 'seals?')).toBe('Seals!');
  expect(await ask(models, 'm', 'Otters?')).toBe('Otters!');
  expect(await ask(models, 'm', 'whales?')).toBe('Something.');
});

test('a script may be for one user', async () => {
  await using models = new Models();
  models.for({ id: 'bob' }).script('m', (s) => s.say('Hello Bob.'));
  models.for({ id: 'alice' }).script('m', (s) => s.say('Hello Alice.'));

  expect(await inRunOf('alice', () => ask(models, 'm', 'Hi'))).toBe('Hello Alice.');
  expect(await inRunOf('bob', () => ask(models, 'm', 'Hi'))).toBe('Hello Bob.');
  expect(models.calls.map(({ userId, runId }) => [userId, runId])).toEqual([
    ['alice', 'run-of-alice'],
    ['bob', 'run-of-bob'],
  ]);
});

test('users never share a conversation, also with the same words', async () => {
  await using models = new Models();
  for (const id of ['alice', 'bob']) models.for({ id }).script('m', (s) => s.say('Hello.').say(`I know ${id}.`));
  const on = [user('Hi'), assistant('Hello.'), user('Who am I?')];

  await Promise.all(['alice', 'bob'].map((id) => inRunOf(id, () => ask(models, 'm', 'Hi'))));
  expect(await inRunOf('bob', () => ask(models, 'm', on))).toBe('I know bob.');
  expect(await inRunOf('alice', () => ask(models, 'm', on))).toBe('I know alice.');
});

test('two users who would get differing scripts by who comes first are refused', async () => {
  await using models = new Models();
  models.script('m', (s) => s.say('One.'));
  models.script('m', (s) => s.say('Two.'));
  await inRunOf('alice', () => ask(models, 'm', 'a'));

  const { message } = await refusal(
    inRunOf('bob', () => ask(models, 'm', 'b')),
    'MODEL_SCRIPT_AMBIGUOUS',
  );
  expect(message).toMatch(
    /^call 2 of m \("b"\) was refused: two users .* \(written at .*scripts\.test\.ts:\d+:\d+ and /,
  );
});

test('what is written once the first user was served is for the second one', async () => {
  await using models = new Models();
  models.script('m', (s) => s.say('One.'));
  await inRunOf('alice', () => ask(models, 'm', 'a'));
  models.script('m', (s) => s.say('Two.'));

  expect(await inRunOf('bob', () => ask(models, 'm', 'b'))).toBe('Two.');
});

test('a call that goes on with two conversations that differ from here on is refused', async () => {
  await using models = new Models();
  for (const next of ['One.', 'Two.']) models.script('m', (s) => s.say('Hello.').say(next));
  await Promise.all([ask(models, 'm', 'Hi'), ask(models, 'm', 'Hi')]);

  const on = ask(models, 'm', [user('Hi'), assistant('Hello.'), user('Next?')]);
  const { message } = await refusal(on, 'MODEL_SCRIPT_AMBIGUOUS');
  expect(message).toContain('two conversations that are the same up to here');
});

test('the words of an application that prunes its tool traffic still belong to their conversation', async () => {
  await using models = new Models();
  models.script('m', (s) => s.call('search', { q: 'a' }).say('Found.').say('More.'));
  await generateText({
    model: models.languageModel('m'),
    tools: { search },
    stopWhen: isStepCount(2),
    instructions: 'Today is Monday.',
    prompt: 'Find.',
  });

  expect(await ask(models, 'm', [user('Find.'), assistant('Found.'), user('And?')])).toBe('More.');
});

test('an answer that is asked for once more is the next turn', async () => {
  await using models = new Models();
  models.script('m', (s) => s.say('Hello.').say('First try.').say('Second try.'));
  const asked = [user('Hi'), assistant('Hello.'), user('A poem, please.')];

  await ask(models, 'm', 'Hi');
  expect(await ask(models, 'm', asked)).toBe('First try.');
  expect(await ask(models, 'm', asked)).toBe('Second try.');
});

test('prompts that do not hold what was said before take their turns in order, if the script says so', async () => {
  await using models = new Models();
  models.script('m', (s) => s.say('One.').say('Two.').say('Three.'), { inOrder: true });

  expect(await ask(models, 'm', 'a')).toBe('One.');
  expect(await ask(models, 'm', 'b')).toBe('Two.');
  expect(await ask(models, 'm', 'c')).toBe('Three.');
});

test('a conversation that another process began goes on where it was', async () => {
  await using models = new Models();
  models.script('m', (s) => s.say('Hello.').turn().call('search', { in: 'sea', q: 'a' }).say('Found.'));
  const { text } = await generateText({
    model: models.languageModel('m'),
    messages: [
      user('Hi'),
      assistant('Hello.'),
      user('Find.'),
      {
        role: 'assistant',
        content: [{ type: 'tool-call', toolCallId: 'old', toolName: 'search', input: { q: 'a', in: 'sea' } }],
      },
      {
        role: 'tool',
        content: [{ type: 'tool-result', toolCallId: 'old', toolName: 'search', output: { type: 'text', value: 'A' } }],
      },
    ],
  });

  expect(text).toBe('Found.');
  expect(models.unused()).toEqual([]);
});

test('a script that is asked for more says so at its own line', async () => {
  await using models = new Models();
  models.script('m', (s) => s.say('One.'));
  await ask(models, 'm', 'a');

  const { message, stack } = await refusal(ask(models, 'm', 'What do\notters eat?'), 'MODEL_SCRIPT_EXHAUSTED');
  expect(message).toMatch(
    /^call 2 of m \("What do otters eat\?"\) has no script left \(1 written at src\/testing\/models\/scripts\.test\.ts:\d+:\d+\)$/,
  );
  expect(stack.split('\n')[1]).toContain('scripts.test.ts');
  expect(models.takeRefused().map(({ code }) => code)).toEqual(['MODEL_SCRIPT_EXHAUSTED']);
  expect(models.takeRefused()).toEqual([]);
});

test('a new conversation while another one has turns left says what is missing', async () => {
  await using models = new Models();
  models.script('m', (s) => s.say('One.').say('Two.'));
  await ask(models, 'm', 'a');

  const { message } = await refusal(ask(models, 'm', 'b'), 'MODEL_SCRIPT_EXHAUSTED');
  expect(message).toContain('1 with turns left for a prompt that holds what the model said before');
});

test('a conversation that has used its script says which one it was', async () => {
  await using models = new Models();
  models.script('m', (s) => s.say('One.'));
  await ask(models, 'm', 'a');

  const on = ask(models, 'm', [user('a'), assistant('One.'), user('b')]);
  expect((await refusal(on, 'MODEL_SCRIPT_EXHAUSTED')).message).toContain('its conversation has used all 1 turns');
});

test('a model without a script names those that have one', async () => {
  await using models = new Models();
  models.script('writer', (s) => s.say('x'), { times: Infinity });

  const { message } = await refusal(ask(models, 'reader', 'a'), 'MODEL_UNKNOWN');
  expect(message).toBe('call 1 of reader ("a") was refused: reader has no script, and those with one are writer');
  expect(models.unused()).toEqual([]);
});

test('what was not asked for is told at the line of its script', async () => {
  await using models = new Models();
  models.script('m', (s) => s.say('One.').say('Two.'));
  models.script('m', (s) => s.say('x'), { times: 3, when: 'never' });
  models.script('n', (s) => s.say('x'));
  await ask(models, 'm', 'a');

  const unused = models.unused();
  expect(unused.map(({ code }) => code)).toEqual(Array.from({ length: 3 }, () => 'MODEL_SCRIPT_UNUSED'));
  expect(unused.map(({ message }) => message.replace(/ \(written at .*/, ''))).toEqual([
    'the script of m was not used to its end: 1 of 2 turns were asked for, the last by call 1 of m ("a")',
    'the script of m was not used to its end: 3 of 3 conversations never began',
    'the script of n was not used to its end: it was never asked for',
  ]);
  expect(unused[2]?.stack?.split('\n')[1]).toContain('scripts.test.ts');
});

test('the line of a script is the test’s, also for one user and through a fixture', () => {
  const models = new Fence().guard(new Models(), 'models');
  models.script('m', (s) => s.say('x'));
  models.for({ id: 'alice' }).script('m', (s) => s.say('x'));

  for (const { message, stack } of models.unused()) {
    expect(message).toMatch(/\(written at src\/testing\/models\/scripts\.test\.ts:\d+:\d+\)$/);
    expect(stack?.split('\n')[1]).toContain('scripts.test.ts');
  }
});

test('a request that is not as the script expects is refused', async () => {
  await using models = new Models();
  const write = () => models.script('m', (s) => s.expecting('otters').say('x'));
  write();
  expect((await refusal(ask(models, 'm', 'seals'), 'MODEL_CALL_UNEXPECTED')).message).toContain(
    'its last message must be "otters", it is "seals"',
  );
  models.script('n', (s) => s.expecting((call) => expect(call.toolNames).toContain('search')).say('x'));
  expect((await refusal(ask(models, 'n', 'seals'), 'MODEL_CALL_UNEXPECTED')).message).toContain('to include');
});

test('a call of a tool that is not offered is a mistake of the script', async () => {
  await using models = new Models();
  models.script('m', (s) => s.call('serch'));
  const asked = generateText({ model: models.languageModel('m'), tools: { search }, prompt: 'Find.' });

  const { message } = await refusal(asked, 'MODEL_CALL_UNEXPECTED');
  expect(message).toContain('call 1 of m ("Find.") offers search, and the script calls serch');
  expect(models.takeRefused().length).toBe(1);
});

test.each([
  ['no turn', (m: Models) => m.script('m', (s) => s), /a script needs a turn/],
  [
    'also without a call',
    (m: Models) => m.script('m', (s) => s.say('x').also('search')),
    /also\(…\) belongs after calls/,
  ],
  ['usage first', (m: Models) => m.script('m', (s) => s.usage({ input: 1 })), /usage\(…\) belongs after/],
  ['an open expectation', (m: Models) => m.script('m', (s) => s.say('x').expecting('y')), /must be followed by/],
  [
    'an input that is not JSON',
    (m: Models) => m.script('m', (s) => s.call('a', () => 1)),
    /the input of a must be JSON/,
  ],
  ['no calls', (m: Models) => m.script('m', (s) => s.calls([])), /needs a call or more/],
  ['half a time', (m: Models) => m.script('m', (s) => s.say('x'), { times: 0.5 }), /times of a script .* got 0\.5/],
])('%s is refused where it is written', (_name, write, message) => {
  const models = new Models();
  expect(() => write(models)).toThrow(message);
});

test('a computed turn is one turn', async () => {
  await using models = new Models();
  models.script('m', (s) => s.reply((_call, turn) => turn.say('a').say('b')));

  expect((await refusal(ask(models, 'm', 'a'), 'CONFIG_INVALID')).message).toContain('got 2 turns');
});
