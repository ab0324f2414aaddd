import { generateText, streamText, tool, type TextStreamPart, type ToolSet } from 'ai';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { asyncScope } from '../../base/async-scope.ts';
import { TestClock } from '../test-clock.ts';
import { Models } from './models.ts';

const search = tool({ inputSchema: z.object({ q: z.string() }), execute: ({ q }) => q.toUpperCase() });

/** Reads a stream by itself and keeps what came. */
function reading(stream: AsyncIterable<TextStreamPart<ToolSet>>) {
  const parts: TextStreamPart<ToolSet>[] = [];
  const done = (async () => {
    for await (const part of stream) parts.push(part);
  })();
  const words = () => parts.map((part) => (part.type === 'text-delta' ? part.text : '')).join('');
  return { parts, words, done };
}

test('an answer stops after so many tokens, and goes on when it is released', async () => {
  await using models = new Models();
  models.script('m', (s) => s.say('one two three four five'));
  const hold = models.hold('m').after.tokens(3);
  const read = reading(streamText({ model: models.languageModel('m'), prompt: 'Count.' }).stream);

  expect((await hold.reached).lastUserMessage).toBe('Count.');
  expect(read.words()).toBe('one two three');
  expect(models.busy()).toBe(0);

  hold.release();
  await read.done;
  expect(read.words()).toBe('one two three four five');
  expect(models.unused()).toEqual([]);
});

test('a whole answer is held like a stream', async () => {
  await using models = new Models();
  models.script('m', (s) => s.say('one two'));
  const hold = models.hold('m').after.tokens(1);
  const asked = generateText({ model: models.languageModel('m'), prompt: 'Count.' });

  await hold.reached;
  expect(models.busy()).toBe(0);
  hold.release();
  expect((await asked).text).toBe('one two');
});

test('an answer is held before it begins, after a call, and before it ends', async () => {
  await using models = new Models();
  models.script('m', (s) => s.say('Wait.').call('search', { q: 'a' }));
  const before = models.hold('m').before.answer();
  const called = models.hold().after.call('search');
  const after = models.hold('m').after.answer();
  const { stream } = streamText({ model: models.languageModel('m'), tools: { search }, prompt: 'Find.' });
  const read = reading(stream);
  const came = (type: string) => read.parts.some((part) => part.type === type);

  await before.reached;
  expect(came('text-start')).toBe(false);
  before.release();
  await called.reached;
  expect(came('tool-call')).toBe(true);
  called.release();
  await after.reached;
  expect(came('finish-step')).toBe(false);
  after.release();
  await read.done;
  expect(came('finish-step')).toBe(true);
});

test('a held stream ends at once with the reason of its abort', async () => {
  await using models = new Models();
  models.script('m', (s) => s.say('one two three'));
  const hold = models.hold('m').after.tokens(1);
  const abort = new AbortController();
  const model = models.languageModel('m');
  const prompt = [{ role: 'user' as const, content: [{ type: 'text' as const, text: 'Count.' }] }];
  const { stream } = await model.doStream({ prompt, abortSignal: abort.signal });
  const reader = stream.getReader();
  const rest = (async () => {
    while (!(await reader.read()).done);
  })();

  await hold.reached;
  const reason = new Error('the user left');
  abort.abort(reason);
  await expect(rest).rejects.toBe(reason);
  expect(models.busy()).toBe(0);
});

test('streamText sees an abort of a held answer as an abort', async () => {
  await using models = new Models();
  models.script('m', (s) => s.say('one two three'));
  const hold = models.hold('m').after.tokens(1);
  const abort = new AbortController();
  const { stream } = streamText({ model: models.languageModel('m'), prompt: 'Count.', abortSignal: abort.signal });
  const read = reading(stream);

  await hold.reached;
  abort.abort();
  await read.done;
  expect(read.parts.at(-1)?.type).toBe('abort');
  expect(read.words()).toBe('one');
});

test('an abort ends a whole answer, and a stream whose reader does not read', async () => {
  await using models = new Models();
  models.script('m', (s) => s.say('one two three'), { times: 2 });
  const hold = models.hold('m').before.answer();
  const abort = new AbortController();
  const model = models.languageModel('m');
  const options = { prompt: [], abortSignal: abort.signal };
  const { stream } = await (hold.release(), model.doStream(options));
  const second = models.hold('m').before.answer();
  const whole = model.doGenerate(options);
  await second.reached;

  abort.abort(new Error('gone'));
  await expect(whole).rejects.toThrow('gone');
  await expect(stream.getReader().read()).rejects.toThrow('gone');
  await expect(model.doGenerate(options)).rejects.toThrow('gone');
});

test('an answer that broke off is given again to who asks again, and the next one to who goes on', async () => {
  await using models = new Models();
  models.script('m', (s) => s.say('one two three').say('Sorry.'));
  const model = models.languageModel('m');
  const hold = models.hold('m').after.tokens(2);
  const abort = new AbortController();
  const broken = reading(streamText({ model, prompt: 'Count.', abortSignal: abort.signal }).stream);
  await hold.reached;
  abort.abort();
  await broken.done;

  expect((await generateText({ model, prompt: 'Count.' })).text).toBe('one two three');
  const onward = models.hold('m').after.tokens(1);
  onward.release();
  const messages = [
    { role: 'user' as const, content: 'Count.' },
    { role: 'assistant' as const, content: 'one two' },
    { role: 'user' as const, content: 'Why did you stop?' },
  ];
  expect((await generateText({ model, messages })).text).toBe('Sorry.');
  expect(models.unused()).toEqual([]);
});

test('a hold that is not reached says what it waited for and what came instead', async () => {
  await using models = new Models();
  models.script('m', (s) => s.say('one'));
  const hold = models.hold('m', { timeoutMs: 20 }).after.tokens(7);

  await expect(hold.reached).rejects.toMatchObject({
    code: 'DEADLINE',
    message: 'the hold of m after 7 tokens was not reached within 20 ms: nobody asked it',
  });
  await generateText({ model: models.languageModel('m'), prompt: 'Count.' });
  await expect(hold.reached).rejects.toThrow('it was asked 1 times, the last time by call 1 of m ("Count.")');
  const [left] = models.unused();
  expect(left).toMatchObject({ code: 'FAULT_NOT_STRUCK' });
  expect(left?.message).toMatch(
    /^the hold of m after 7 tokens was not reached \(asked for at .*holds\.test\.ts:\d+:\d+\)$/,
  );
});

test('a hold is of one user when it is said so', async () => {
  await using models = new Models();
  models.script('m', (s) => s.say('Hello.'), { times: 2 });
  const hold = models.for({ id: 'bob' }).hold('m').before.answer();
  const ask = (userId: string) =>
    asyncScope.run({ factory: undefined, userId }, () =>
      generateText({ model: models.languageModel('m'), prompt: userId }),
    );

  expect((await ask('alice')).text).toBe('Hello.');
  const bob = ask('bob');
  expect((await hold.reached).userId).toBe('bob');
  hold.release();
  expect((await bob).text).toBe('Hello.');
});

test('holds are after a token or more', () => {
  const models = new Models();
  expect(() => models.hold('m').after.tokens(0)).toThrow('after tokens(count), a whole number from 1 up, got 0');
});

test('a paced answer comes at the pace of the clock, and is not busy meanwhile', async () => {
  const clock = new TestClock();
  await using models = new Models({ clock });
  models.script('m', (s) => s.every('20ms').say('one two three'));
  const read = reading(streamText({ model: models.languageModel('m'), prompt: 'Count.' }).stream);

  await clock.advance(19);
  expect(read.words()).toBe('');
  expect(models.busy()).toBe(0);
  await clock.advance(21);
  expect(read.words()).toBe('one two');
  await clock.advance('20ms');
  await read.done;
  expect(read.words()).toBe('one two three');
});

test('closing ends what is under way and refuses what comes', async () => {
  const models = new Models();
  models.script('m', (s) => s.say('one two three'), { times: 3 });
  const hold = models.hold('m').after.tokens(1);
  const held = generateText({ model: models.languageModel('m'), prompt: 'Count.' });
  const never = models.hold('m').after.tokens(2).reached;
  await hold.reached;

  const outcomes = Promise.allSettled([held, never]);
  await models.close();
  await models.close();
  for (const outcome of await outcomes)
    expect(outcome).toMatchObject({ status: 'rejected', reason: { code: 'CLOSED' } });
  await expect(generateText({ model: models.languageModel('m'), prompt: 'Count.' })).rejects.toThrow('are closed');
  expect(models.busy()).toBe(0);
});

test('a reader that leaves ends the answer, and what it waited for', async () => {
  const clock = new TestClock();
  await using models = new Models({ clock });
  models.script('m', (s) => s.every('1h').say('one two'));
  const { stream } = await models.languageModel('m').doStream({ prompt: [] });
  const reader = stream.getReader();
  for (let part = 0; part < 3; part += 1) await reader.read();
  const word = reader.read();
  await clock.advance(0);
  expect(clock.pending).toBe(1);

  await reader.cancel();
  expect(await word).toEqual({ done: true, value: undefined });
  await clock.advance(0);
  expect([clock.pending, models.busy()]).toEqual([0, 0]);
});

test('a hold that names no place is told', async () => {
  await using models = new Models();
  models.hold('m');

  expect(models.unused()).toMatchObject([
    { code: 'FAULT_NOT_STRUCK', message: expect.stringContaining('the hold of m names no place') },
  ]);
});
