/** Clean tests: each does what tests of agents do, checks what came of it, and leaves nothing behind. */

import { deepStrictEqual } from 'node:assert/strict';

import type { EnginehouseRuntime } from '../../src/startup/runtime.ts';
import type { TestHome } from '../../src/testing/test-home.ts';
import type { TestUser } from '../../src/testing/test-user.ts';

export type CleanTest = (home: TestHome, runtime: EnginehouseRuntime) => Promise<void>;

/** A test of its own kind says nothing of the others, so that they can be mixed at will. */
export const cleanTests: Readonly<Record<string, CleanTest>> = {
  async 'an engine runs an agent'(home, { factory }) {
    await using engine = await factory.createForUser(home.user('alice').context());
    deepStrictEqual(resultOf(await engine.executeAgent('clerk', 'otters').result), 'otters');
  },

  async 'a client reads a run over its socket'(home) {
    await reads(home.user('alice'), 'otters');
  },

  async 'two users see their own'(home) {
    const [alice, bob] = await home.users(2);
    if (alice === undefined || bob === undefined) throw new Error('there are two');
    await Promise.all([reads(alice, alice.marked('mine')), reads(bob, bob.marked('mine too'))]);
    for (const user of [alice, bob]) deepStrictEqual((await (await user.client()).runs()).runs.length, 1);
  },

  async 'an engine cancels a run'(home, { factory }) {
    await using engine = await factory.createForUser(home.user('alice').context());
    const run = engine.executeAgent('patient', null);
    await run.accepted;
    await run.cancel('changed my mind');
    deepStrictEqual((await run.result).status, 'cancelled');
  },

  async 'a client cancels a run'(home) {
    const run = (await home.user('alice').client()).start('patient', null);
    for await (const { type } of run) if (type === 'agent_started') await run.cancel('changed my mind');
    deepStrictEqual((await run.result).status, 'cancelled');
  },

  async 'tools run side by side'(home) {
    const run = (await home.user('alice').client()).start('juggler', null);
    deepStrictEqual(resultOf(await run.result), [1, 2, 3, 4]);
  },

  async 'a transaction is kept and one is rolled back'(home, { factory }) {
    const alice = home.user('alice');
    await using engine = await factory.createForUser(alice.context());
    const note = alice.marked('a note');
    deepStrictEqual(resultOf(await engine.executeAgent('writer', note).result), [{ text: note }]);
  },

  async 'it ends while an engine runs'(home, { factory }) {
    const engine = await factory.createForUser(home.user('alice').context());
    engine.executeAgent('clerk', 'nobody waits for it');
    await engine[Symbol.asyncDispose]();
  },

  async 'it ends right after a start over a socket'(home) {
    const client = await home.user('alice').client();
    client.start('clerk', 'nobody waits for it');
    await client.start('patient', null)[Symbol.asyncIterator]().next();
  },

  async 'a second tab follows, and HTTP lists'(home) {
    const alice = home.user('alice');
    const run = (await alice.client()).start('clerk', 'otters');
    await run.result;
    const followed = (await alice.connect()).run(run.id);
    deepStrictEqual(resultOf(await followed.result), 'otters');
    deepStrictEqual((await alice.fetch('/api/runs')).status, 200);
  },

  async 'a connection is cut and comes back'(home) {
    const [alice] = await home.users(1);
    if (alice === undefined) throw new Error('there is one');
    const cut = home.chaos.socket(alice).cut({ afterFrame: 2 });
    await reads(alice, 'otters');
    await cut;
  },

  async 'an agent fails'(home, { factory }) {
    await using engine = await factory.createForUser(home.user('alice').context());
    deepStrictEqual((await engine.executeAgent('failing', null).result).status, 'failed');
  },

  async 'an agent has another do it'(home) {
    const run = (await home.user('alice').client()).start('boss', 'otters');
    deepStrictEqual(resultOf(await run.result), 'otters');
  },
};

async function reads(user: TestUser, input: string): Promise<void> {
  const run = (await user.client()).start('clerk', input);
  let last = '';
  for await (const { type } of run) last = type;
  deepStrictEqual([last, resultOf(await run.result)], ['agent_completed', input]);
}

function resultOf(ended: { readonly status: string; readonly result?: unknown }): unknown {
  if (ended.status !== 'completed') throw new Error(`the run ended ${JSON.stringify(ended)}`);
  return ended.result;
}
