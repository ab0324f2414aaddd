import { getExecutionEngineFactory } from '../../../../src/startup/pointer.ts';
import { describe, expect, test as kit } from '../../../../src/testing/vitest/index.ts';
import { echo } from '../agents.ts';

const test = kit.override('runtimeOptions', { config: { agents: [echo] } });

describe('a hook before it asks first', () => {
  test.beforeEach(({ executionEngineFactory: factory }) => {
    expect(getExecutionEngineFactory()).toBe(factory);
  });

  test('a body finds its factory', ({ executionEngineFactory: factory }) => {
    expect(getExecutionEngineFactory()).toBe(factory);
  });

  test.concurrent('one that names none, too', async ({ alice }) => {
    await using engine = await getExecutionEngineFactory().createForUser(alice.context());
    expect(await engine.executeAgent('echo', 1).result).toMatchObject({ result: 1 });
  });
});

describe('the body asks first', () => {
  test.afterEach(({ executionEngineFactory: factory }) => {
    expect(getExecutionEngineFactory()).toBe(factory);
  });

  test('a hook after it finds its factory', async ({ executionEngineFactory: factory, alice }) => {
    await using engine = await factory.createForUser(alice.context());
    expect(await engine.executeAgent('echo', 1).result).toMatchObject({ result: 1 });
  });
});

describe('around each', () => {
  test.aroundEach(async (run, { executionEngineFactory: factory, alice }) => {
    await run();
    await using engine = await factory.createForUser(alice.context());
    expect(await engine.executeAgent('echo', 2).result).toMatchObject({ result: 2 });
    expect(getExecutionEngineFactory()).toBe(factory);
  });

  test('a hook around it finds its factory', async ({ bob }) => {
    expect(await (await bob.client()).start('echo', 1).result).toMatchObject({ result: 1 });
  });
});

test('a retry has a runtime of its own', { retry: 1 }, async ({ executionEngineFactory: factory, alice, task }) => {
  await using engine = await factory.createForUser(alice.context());
  expect(await engine.executeAgent('echo', 1).result).toMatchObject({ result: 1 });
  expect(task.result?.retryCount).toBe(1);
});

test('every repeat has, too', { repeats: 1 }, async ({ executionEngineFactory: factory, alice }) => {
  await using engine = await factory.createForUser(alice.context());
  expect(await engine.executeAgent('echo', 1).result).toMatchObject({ result: 1 });
});

test('one that is skipped half-way fails nobody', async ({ models, alice, skip }) => {
  models.script('nobody', (s) => s.say('asks for it'));
  await alice.connected();
  skip('not today');
});

test.fails('is to fail, and does', async ({ executionEngineFactory: factory, alice }) => {
  await using engine = await factory.createForUser(alice.context());
  await engine.executeAgent('echo', 1).result;
  throw new Error('as it is to');
});

test.fails('is to fail, and only leaks', async ({ executionEngineFactory: factory, alice }) => {
  await factory.createForUser(alice.context());
});
