import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { Socket } from 'node:net';

import { expect, test } from 'vitest';

import { until } from '../../../test/support/until.ts';
import { defineAgent } from '../../agent/define-agent.ts';
import type { Clock } from '../../base/clock.ts';
import { systemIds } from '../../base/ids.ts';
import { connect, type ClientRun, type ClientState, type EnginehouseClient } from '../../client/index.ts';
import { userId } from '../../context/ids.ts';
import { UserExecutionContext } from '../../context/user-execution-context.ts';
import { Activity } from '../activity.ts';
import { ExecutionEngineFactoryTestManager } from '../execution-engine-factory-test-manager.ts';
import { TestClock } from '../test-clock.ts';
import type { TestRuntimeOptions } from '../test-options.ts';
import { UserSockets } from './user-sockets.ts';

const counter = defineAgent({
  name: 'counter',
  run: async (context) => {
    for (let nth = 1; nth <= 50; nth += 1) await context.step(`step ${nth}`, () => nth);
    return 'counted';
  },
});

const speaker = defineAgent({
  name: 'speaker',
  run: async (context) => {
    for (let nth = 1; nth <= 50; nth += 1) await context.step(`step ${nth}`, () => `${nth}`.padEnd(4_000, '.'));
    return 'spoken';
  },
});

test('cut after a frame, the client comes back and has every event once, proven', async () => {
  await using house = await House.open({ limits: { coalesceMs: 0 } });
  await using alice = house.user('alice');
  const cut = alice.sockets.faults.cut({ afterFrame: 3 });

  const run = alice.client.start('counter', null);
  await cut;

  expect(await run.result).toMatchObject({ status: 'completed', result: 'counted' });
  expect(await events(run)).toEqual(await house.log('alice', run));
  expect(run.proof.verified).toBe(true);
  expect(alice.states).toEqual(['open', 'reconnecting', 'open']);
  expect(alice.sockets.received.filter(({ socket }) => socket === 1)).toHaveLength(3);
});

test('half open, the client asks, is not answered, and comes back; the clock does not wait for what is lost', async () => {
  const clock = TestClock.real();
  await using house = await House.open({ seams: { clock } });
  await using alice = house.user('alice', clock);
  clock.settleBy(alice.activity);
  const run = alice.client.start('counter', null);
  await alice.sockets.faults.halfOpen({ afterFrame: 3 });

  // Three heartbeats of 25 s until it is sure of the silence, and 5 s for the answer to its question.
  await clock.advance('74s');
  expect(alice.states).toEqual(['open']);
  await clock.advance('10s');

  expect(alice.states).toEqual(['open', 'reconnecting', 'open']);
  clock.release();
  expect(await run.result).toMatchObject({ status: 'completed', result: 'counted' });
  expect(await events(run)).toEqual(await house.log('alice', run));
});

test('slow, the server holds its events back, and after healing they all come in order', async () => {
  const windowBytes = 16_384;
  const clock = TestClock.real();
  await using house = await House.open({ limits: { windowBytes }, seams: { clock } });
  await using alice = house.user('alice', clock);
  clock.settleBy(alice.activity);
  await until('alice is connected', () => alice.states.includes('open'));
  alice.sockets.faults.slow({ bytesPerSecond: 2_000 });
  const run = alice.client.start('speaker', null);
  await until('it has ended', () => house.open('run') === 0 && alice.sockets.receivedCount > 1);

  await clock.advance('10s');
  expect(alice.receivedBytes()).toBeGreaterThan(10_000);
  // Of 200,000 bytes of events it has sent what the client took, and its window.
  expect(house.sentBytes()).toBeLessThan(60_000);
  clock.release();
  await alice.sockets.faults.heal();

  expect(await run.result).toMatchObject({ status: 'completed', result: 'spoken' });
  expect(await events(run)).toEqual(await house.log('alice', run));
  expect(alice.states).toEqual(['open']);
});

test('refused, the client goes on trying, and is back after healing', async () => {
  await using house = await House.open();
  await using alice = house.user('alice');
  await until('alice is connected', () => alice.states.includes('open'));
  alice.sockets.faults.refuse();
  await alice.sockets.faults.cut();
  const run = alice.client.start('counter', null);
  await until('she has tried again', () => alice.sockets.attempts > 2);
  expect(alice.states).toEqual(['open', 'reconnecting']);

  await alice.sockets.faults.heal();

  expect(await run.result).toMatchObject({ status: 'completed' });
  expect(alice.states).toEqual(['open', 'reconnecting', 'open']);
});

test("U1: one user's faults are nobody else's", async () => {
  await using house = await House.open({ limits: { coalesceMs: 0 } });
  await using alice = house.user('alice');
  await using bob = house.user('bob');
  await until('both are connected', () => [alice, bob].every(({ states }) => states.includes('open')));
  bob.sockets.faults.refuse();
  const cut = alice.sockets.faults.cut({ afterFrame: 5 });
  const runs = [alice, bob].map(({ client }) => client.start('counter', null));

  await cut;
  for (const run of runs) expect(await run.result).toMatchObject({ status: 'completed' });

  expect(alice.states).toEqual(['open', 'reconnecting', 'open']);
  expect(bob.states).toEqual(['open']);
});

test('twenty users at once are busy while something is under way, and idle when nothing is', async () => {
  await using house = await House.open({ limits: { coalesceMs: 0 } });
  await using ends = new AsyncDisposableStack();
  const users = Array.from({ length: 20 }, (_each, nth) => ends.use(house.user(`user-${nth}`)));
  const activity = new Activity(users.map(({ sockets }) => sockets));
  await until('all are connected', () => users.every(({ states }) => states.includes('open')));
  await activity.idle();
  const most = users.map(() => 0);
  const runs = users.map(({ client }) => client.start('counter', null));
  const results = Promise.all(runs.map((run) => run.result));
  let done = false;
  void results.finally(() => (done = true));

  await until('all have ended', () => {
    users.forEach(({ sockets }, nth) => (most[nth] = Math.max(most[nth] ?? 0, sockets.busy())));
    return done;
  });
  await activity.idle();

  expect(users.map(({ sockets }) => sockets.busy())).toEqual(users.map(() => 0));
  expect(Math.max(...most)).toBeGreaterThan(0);
  for (const { sockets } of users) expect(sockets.received.at(-1)?.text).toContain('"t":"end"');
});

test('U3: after the end of its user a half open, slow connection is open nowhere', async () => {
  await using house = await House.open();
  const alice = house.user('alice');
  await until('alice is connected', () => alice.states.includes('open'));
  alice.sockets.faults.slow({ bytesPerSecond: 1 });
  await alice.sockets.faults.halfOpen();
  expect(house.open('socket')).toBe(1);

  await alice.sockets.close();
  await until('the server has noticed', () => house.open('socket') === 0);
  await alice[Symbol.asyncDispose]();
});

interface User extends AsyncDisposable {
  readonly sockets: UserSockets;
  readonly client: EnginehouseClient;
  readonly states: readonly ClientState[];
  readonly activity: Activity;
  receivedBytes(): number;
}

/** A runtime with users whose sockets are in the test's hands. */
class House implements AsyncDisposable {
  readonly #manager: ExecutionEngineFactoryTestManager;
  readonly #accepted: Socket[] = [];
  readonly #accept = (message: unknown): void => void this.#accepted.push((message as { socket: Socket }).socket);

  private constructor(manager: ExecutionEngineFactoryTestManager) {
    this.#manager = manager;
    subscribe('net.server.socket', this.#accept);
  }

  static async open(options: TestRuntimeOptions = {}): Promise<House> {
    const agents = [counter, speaker];
    const manager = new ExecutionEngineFactoryTestManager({ ...options, config: { agents } });
    await manager.initializeForTests();
    return new House(manager);
  }

  user(name: string, clock?: Clock): User {
    const { home } = this.#manager;
    const sockets = new UserSockets({ name, clock });
    const { openWebSocket, fetch } = sockets;
    const activity = new Activity([sockets]);
    const client = connect({
      url: home.url,
      // A thread signs it, which nobody sees.
      token: () => activity.track('token', home.token(userId(name))),
      webSocket: openWebSocket,
      fetch,
      clock,
      // Short pauses between attempts.
      ids: { ...systemIds, random: () => 0.1 },
    });
    const states: ClientState[] = [];
    client.onState((state) => states.push(state));
    return {
      sockets,
      client,
      states,
      activity,
      receivedBytes: () => sockets.received.reduce((sum, { text }) => sum + text.length, 0),
      [Symbol.asyncDispose]: async () => {
        await client.close();
        await sockets.close();
      },
    };
  }

  /** What the runtime has written to its sockets, since the house was opened. */
  sentBytes(): number {
    return this.#accepted.reduce((sum, { bytesWritten }) => sum + bytesWritten, 0);
  }

  /** How many of these the runtime has open. */
  open(kind: 'run' | 'socket'): number {
    return this.#manager.runtime.resources.remaining(kind).length;
  }

  log(user: string, { id }: ClientRun): Promise<unknown> {
    const owner = UserExecutionContext.fromRequest({ userId: user, threadId: id, runId: id });
    return this.#manager.runtime.store.for(owner).log.read(owner.runId, 0, 1_000);
  }

  [Symbol.asyncDispose](): Promise<void> {
    unsubscribe('net.server.socket', this.#accept);
    return this.#manager.cleanup();
  }
}

async function events(run: ClientRun): Promise<unknown[]> {
  return Array.fromAsync(run);
}
