/** Run by test/kit/hostile.test.ts with the real node:test. */

import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';

import { getExecutionEngineFactory } from '../../../../../src/startup/pointer.ts';
import {
  closeSharedRuntimes,
  configureExecutionEngineFactoryForTest,
  enginehouse,
} from '../../../../../src/testing/node.ts';
import type { TestUser } from '../../../../../src/testing/node.ts';
import { echo, patient } from '../../agents.ts';

const config = { agents: [echo, patient] };

after(closeSharedRuntimes);

async function works(user: TestUser): Promise<void> {
  const { status } = await (await user.client()).start('echo', 1).result;
  assert.equal(status, 'completed');
}

void describe('at once', { concurrency: true }, () => {
  for (const session of [false, true, false, true]) {
    void test(`on ${session ? 'a shared' : 'its own'} runtime`, async (t) => {
      const { factory, alice, bob } = await enginehouse(t, { config, session });
      await Promise.all([works(alice), works(bob)]);
      assert.equal(getExecutionEngineFactory(), factory);
    });
  }
});

void test('a test within a test has a factory of its own', async (t) => {
  const { factory } = await enginehouse(t, { config });
  await t.test('the inner one', async (inner) => {
    assert.equal(getExecutionEngineFactory(), factory);
    const { factory: own, alice } = await enginehouse(inner, { config });
    await works(alice);
    assert.equal(getExecutionEngineFactory(), own);
  });
  assert.equal(getExecutionEngineFactory(), factory);
});

void test('timers that the runner mocks hold no process open', async (t) => {
  const { alice } = await enginehouse(t, { config });
  t.mock.timers.enable();
  await works(alice);
});

void test('it awaits nothing that it begins', async (t) => {
  const { alice, bob } = await enginehouse(t, { config });
  void (await alice.client()).start('patient', null).result;
  void alice.fetch('/api/agents');
  void bob.connected();
});

void test('blamed: it fails, and leaks', async (t) => {
  const { factory, alice } = await enginehouse(t, { config });
  await factory.createForUser(alice.context());
  throw new Error('the body failed');
});

void test('blamed: it times out', { timeout: 300 }, async (t) => {
  const { alice } = await enginehouse(t, { config });
  await (await alice.client()).start('patient', null).result;
});

void test('blamed: a part of its own hangs, and a hook behind fails', async (t) => {
  const { home } = await enginehouse(t, { config });
  home.scope.defer('the queue', () => new Promise(() => undefined), 300);
  t.after(() => {
    throw new Error('never told');
  });
});

void test('it boots a runtime by hand and forgets it', async () => {
  await configureExecutionEngineFactoryForTest({ config });
});
