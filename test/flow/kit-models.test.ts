/** The fixture `models` with an agent whose own code calls the AI SDK. */

import type { ProviderV4 } from '@ai-sdk/provider';
import { APICallError, generateText, isStepCount, streamText, tool } from 'ai';
import { z } from 'zod';

import { basename, join } from 'node:path';

import { defineAgent } from '../../src/agent/define-agent.ts';
import { expect, test as kit } from '../../src/testing/vitest/index.ts';
import { runVitest } from '../kit/run-vitest.ts';
import { lineOf } from '../support/audit-house.ts';

const PROJECT = join(import.meta.dirname, '../kit/projects/models/models.test.ts');

/** What the application is: it knows the AI SDK, and nothing of tests. */
function agentsOf(models: ProviderV4) {
  const researcher = defineAgent({
    name: 'researcher',
    inputSchema: z.object({ about: z.string() }),
    run: async ({ input, user, signal }) => {
      const search = tool({
        inputSchema: z.object({ q: z.string() }),
        execute: ({ q }) => `${q}, as ${user.userId} keeps them`,
      });
      const { text } = await generateText({
        model: models.languageModel('researcher'),
        tools: { search },
        stopWhen: isStepCount(4),
        prompt: `What about ${input.about}?`,
        abortSignal: signal,
        maxRetries: 0,
      });
      return text;
    },
  });
  const speaker = defineAgent({
    name: 'speaker',
    run: async ({ input, say, signal }) => {
      const { textStream } = streamText({
        model: models.languageModel('speaker'),
        prompt: String(input),
        abortSignal: signal,
        onError: () => undefined,
      });
      let said = '';
      for await (const words of textStream) {
        said += words;
        await say(words);
      }
      return said;
    },
  });
  const stubborn = defineAgent({
    name: 'stubborn',
    run: async ({ input, signal }) => {
      const model = models.languageModel('researcher');
      for (let attempt = 1; ; attempt += 1) {
        try {
          const asked = { model, prompt: String(input), abortSignal: signal, maxRetries: 0 };
          return { attempt, text: (await generateText(asked)).text };
        } catch (error) {
          if (!APICallError.isInstance(error) || error.statusCode !== 429 || attempt > 3) throw error;
        }
      }
    },
  });
  return [researcher, speaker, stubborn];
}

const test = kit.override('runtimeOptions', ({ models }) => ({
  config: { agents: agentsOf(models) },
  limits: { coalesceMs: 0 },
}));

test('two users at once have each their own script, and each call is known by its user and its run', async ({
  models,
  alice,
  bob,
}) => {
  const [hers, his] = await Promise.all([alice.client(), bob.client()]);
  // Said in the other order than they are asked.
  models.for(bob).script('researcher', (s) => s.call('search', { q: 'bees' }).expecting(bob.id).say('Bees dance.'));
  models
    .for(alice)
    .script('researcher', (s) => s.call('search', { q: 'otters' }).expecting(alice.id).say('They hold hands.'));

  const [first, second] = [hers.start('researcher', { about: 'otters' }), his.start('researcher', { about: 'bees' })];

  expect(await first.result).toMatchObject({ status: 'completed', result: 'They hold hands.' });
  expect(await second.result).toMatchObject({ status: 'completed', result: 'Bees dance.' });
  const ofUser = (id: string) => models.calls.flatMap(({ userId, runId }) => (userId === id ? [runId] : []));
  expect(ofUser(alice.id)).toEqual([first.id, first.id]);
  expect(ofUser(bob.id)).toEqual([second.id, second.id]);
});

test('an answer is held in the middle of its stream: what came is seen, the rest is not, and others go on', async ({
  models,
  timeline,
  alice,
  bob,
}) => {
  const [hers, his] = await Promise.all([alice.client(), bob.client()]);
  models.script('speaker', (s) => s.say('Otters hold hands when they sleep.'), { times: 2 });
  const hold = models.for(alice).hold('speaker').after.tokens(3);

  const run = hers.start('speaker', 'otters');
  const call = await hold.reached;
  await alice.settled();
  const said = async (): Promise<string> =>
    (await timeline.of(run)).map(({ type, data }) => (type === 'message_delta' ? data.delta : '')).join('');

  expect([call.userId, call.runId]).toEqual([alice.id, run.id]);
  expect(await said()).toBe('Otters hold hands');
  expect((await hers.getRun(run.id)).status).toBe('running');
  expect(await his.start('speaker', 'otters').result).toMatchObject({ status: 'completed' });
  hold.release();
  expect(await run.result).toMatchObject({ status: 'completed', result: 'Otters hold hands when they sleep.' });
  expect(await said()).toBe('Otters hold hands when they sleep.');
});

test('a held run is cancelled, and its model is told', async ({ models, alice }) => {
  models.script('speaker', (s) => s.say('Otters hold hands.'));
  const hold = models.hold('speaker').before.answer();
  const run = (await alice.client()).start('speaker', 'otters');
  await hold.reached;

  await run.cancel('never mind');

  await expect(run).toHaveTimeline((t) => t.seq(t.started, t.cancelled));
  expect(models.busy()).toBe(0);
});

test('a provider that says 429 twice is asked a third time, by the code of the application', async ({
  models,
  alice,
}) => {
  models.script('researcher', (s) => s.say('At last.'));
  const fault = models.fail('429', { retryAfter: 20, times: 2 });

  const run = (await alice.client()).start('stubborn', 'otters');

  expect(await run.result).toMatchObject({ status: 'completed', result: { attempt: 3, text: 'At last.' } });
  expect(fault.strikes).toBe(2);
});

test('one that fails for one user fails for nobody else', async ({ models, alice, bob }) => {
  models.for(bob).script('researcher', (s) => s.say('Bees dance.'));
  models.for(alice).fail('401');
  const [hers, his] = await Promise.all([alice.client(), bob.client()]);

  const [first, second] = await Promise.all([
    hers.start('researcher', { about: 'otters' }).result,
    his.start('researcher', { about: 'bees' }).result,
  ]);

  expect(first).toMatchObject({ status: 'failed' });
  expect(second).toMatchObject({ status: 'completed', result: 'Bees dance.' });
});

test('an answer that takes its time takes that of the clock', async ({ models, clock, alice, timeline }) => {
  models.script('speaker', (s) => s.say('One two three.').every('10s'));
  const run = (await alice.client()).start('speaker', 'count');

  await clock.advance('25s');
  const early = (await timeline.of(run)).filter(({ type }) => type === 'message_delta').length;
  await clock.advance('5s');

  expect(early).toBe(2);
  expect(await run.result).toMatchObject({ status: 'completed', result: 'One two three.' });
  const events = await timeline.of(run);
  expect((events.at(-1)?.at ?? 0) - (events[0]?.at ?? 0)).toBe(30_000);
});

test('a test fails at the line of a script that is not used, and of a call that was refused', async () => {
  const run = await runVitest('models');
  const errorsOf = (name: string): string => run.tests.get(name)?.errors ?? 'there is no such test';

  expect(run.exitCode).toBe(1);
  const at = (mark: string): string => `${basename(lineOf(PROJECT, mark))}:`;
  const never = errorsOf('a script that nobody asks for');
  expect(never).toContain(
    `MODEL_SCRIPT_UNUSED: the script of writer was not used to its end: it was never asked for (written at ${at('nobody asks for it')}`,
  );
  expect(never).toMatch(/^ +cure: /m);
  // The runner shows this line.
  expect(/^ +at .*$/m.exec(never)?.[0]).toContain(at('nobody asks for it'));
  const long = errorsOf('a script of one turn too many');
  expect(long).toContain('1 of 2 turns were asked for, the last by call 1 of writer ("otters")');
  expect(long).toContain(at('one turn too many'));
  const short = errorsOf('a call too many, whose error the agent hides');
  expect(short).toMatch(/^Error: MODEL_SCRIPT_EXHAUSTED: call 2 of writer \("otters"\) has no script left/);
  expect(short).toContain(at('one turn too few'));
  expect(errorsOf('a model without a script')).toMatch(
    /^Error: MODEL_UNKNOWN: call 1 of writer \("otters"\) was refused: writer has no script, and no model has one/,
  );
  const two = errorsOf('a failure that never came, and a hold that nobody reached');
  expect(two.match(/\d\) FAULT_NOT_STRUCK/g)).toHaveLength(2);
  expect(two).toContain(at('never came'));
  expect(two).toContain(at('nobody reached it'));
  const itself = errorsOf('a test that fails by itself is told only that');
  expect(itself).toContain('Error: by itself');
  expect(itself).not.toContain('MODEL_SCRIPT_UNUSED');
  const why = errorsOf('a test that fails because a call was refused');
  expect(why).toMatch(/^AssertionError: [^]*^Error: MODEL_SCRIPT_EXHAUSTED: call 2 of writer/m);
  expect(run.tests.get('a test that uses what it wrote')?.status).toBe('passed');
});
