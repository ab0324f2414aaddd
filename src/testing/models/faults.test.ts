import { APICallError } from '@ai-sdk/provider';
import { generateText, RetryError, streamText } from 'ai';
import { expect, test } from 'vitest';
import { asyncScope } from '../../base/async-scope.ts';
import { Models } from './models.ts';
import type { ModelFailure } from './provider-failure.ts';

async function thrown(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => undefined,
    (error: unknown) => error,
  );
}

/** The provider's own error, without retries. */
async function failureOf(models: Models, model = 'm'): Promise<APICallError> {
  const error = await thrown(generateText({ model: models.languageModel(model), prompt: 'a', maxRetries: 0 }));
  if (!APICallError.isInstance(error)) throw new Error('not an error of a provider', { cause: error });
  return error;
}

test('a rate limit is retried by the SDK as the provider asks, and the script is not touched by it', async () => {
  await using models = new Models();
  models.script('m', (s) => s.say('Hello.'));
  models.fail('429', { retryAfter: 0.001, times: 2 });

  const { text } = await generateText({ model: models.languageModel('m'), prompt: 'a', maxRetries: 2 });

  expect(text).toBe('Hello.');
  expect(models.calls.length).toBe(3);
  expect(models.unused()).toEqual([]);
});

test('who does not retry enough sees the failure', async () => {
  await using models = new Models();
  models.fail('503', { retryAfter: 0, times: 2 });

  const error = await thrown(generateText({ model: models.languageModel('m'), prompt: 'a', maxRetries: 1 }));

  expect(RetryError.isInstance(error) && error.errors.every((each) => APICallError.isInstance(each))).toBe(true);
});

test('a failure carries what a provider sends with it', async () => {
  await using models = new Models();
  models.fail('429', { retryAfter: 20 });

  const error = await failureOf(models);

  expect(error).toMatchObject({
    statusCode: 429,
    isRetryable: true,
    responseHeaders: { 'retry-after': '20', 'retry-after-ms': '20000' },
    message: 'The rate limit is reached',
  });
  expect(JSON.parse(error.responseBody ?? '')).toEqual(error.data);
});

test.each<[ModelFailure, number | undefined, boolean]>([
  ['400', 400, false],
  ['401', 401, false],
  ['403', 403, false],
  ['404', 404, false],
  ['408', 408, true],
  ['413', 413, false],
  ['429', 429, true],
  ['500', 500, true],
  ['503', 503, true],
  ['529', 529, true],
  ['timeout', undefined, true],
  ['network', undefined, true],
])('failure %s has status %s and is retryable: %s', async (failure, statusCode, isRetryable) => {
  await using models = new Models();
  models.fail(failure);
  const error = await failureOf(models);
  expect([error.statusCode, error.isRetryable]).toEqual([statusCode, isRetryable]);
});

test('a cut stream gives what came, then the loss of its connection; asked again, it is whole', async () => {
  await using models = new Models();
  models.script('m', (s) => s.say('one two three'));
  models.fail('cut', { afterTokens: 2 });
  const asked = { model: models.languageModel('m'), prompt: 'Count.' };
  let words = '';
  const read = async () => {
    for await (const part of streamText(asked).stream) if (part.type === 'text-delta') words += part.text;
  };

  await expect(read()).rejects.toMatchObject({ message: 'terminated', cause: { code: 'UND_ERR_SOCKET' } });
  expect(words).toBe('one two');
  expect((await generateText(asked)).text).toBe('one two three');
  expect(models.unused()).toEqual([]);
});

test('a cut answer that is shorter than the cut is cut at its end', async () => {
  await using models = new Models();
  models.script('m', (s) => s.say('one'));
  models.fail('cut', { afterTokens: 9 });

  expect(await failureOf(models)).toMatchObject({ statusCode: 200, isRetryable: true });
});

test('a failure is of one model, or of one user, when it is said so', async () => {
  await using models = new Models();
  models.script('m', (s) => s.say('Hello.'), { times: 2 });
  models.fail('500', { model: 'n' });
  models.for({ id: 'bob' }).fail('401');
  const ask = (userId: string) => asyncScope.run({ factory: undefined, userId }, () => failureOf(models));

  expect((await generateText({ model: models.languageModel('m'), prompt: 'a' })).text).toBe('Hello.');
  expect((await failureOf(models, 'n')).statusCode).toBe(500);
  await expect(ask('alice')).rejects.toThrow('not an error of a provider');
  expect((await ask('bob')).statusCode).toBe(401);
});

test('a failure that did not come as often as asked for is told at its line', async () => {
  await using models = new Models();
  models.fail('500', { times: 2 });
  models.fail('network', { model: 'n', times: Infinity });
  const stopped = models.fail('401', { times: 3 });
  await failureOf(models);
  stopped.stop();

  const unused = models.unused();
  expect(unused.map(({ code }) => code)).toEqual(Array.from({ length: 3 }, () => 'FAULT_NOT_STRUCK'));
  expect(unused[0]?.message).toMatch(
    /^the failure 500 of any model came 1 of 2 times \(asked for at .*faults\.test\.ts:\d+:\d+\)$/,
  );
  expect(unused[0]?.stack?.split('\n')[1]).toContain('faults.test.ts');
});

test.each([
  [{ times: 0 }, 'times of a model’s failure must be a whole number from 1 up, or Infinity, got 0'],
  [{ retryAfter: -1 }, 'retryAfter of a model’s failure must be seconds from 0 up, got -1'],
  [{ afterTokens: 1.5 }, 'afterTokens of a model’s failure must be a whole number from 0 up, got 1.5'],
  [{ model: '' }, 'model of a model’s failure must be a name, got ""'],
])('a failure with %o is refused', (options, message) => {
  const models = new Models();
  expect(() => models.fail('cut', options)).toThrow(message);
});
