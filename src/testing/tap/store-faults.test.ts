import { expect, test } from 'vitest';

import { ada, bob, completed, delta, newRun } from '../../../test/contract/store/samples.ts';
import { TappedStore } from '../../../test/support/tapped-store.ts';
import { runId, userId } from '../../context/ids.ts';
import type { NewEvent, OwnedStore } from '../../event/store.ts';
import { STORE_OPERATIONS, type StoreOperation } from './store-call.ts';
import type { StoreFaults } from './store-faults.ts';

const r1 = runId('r1');
const file = { artifactId: 'a1', runId: r1, kind: 'report', title: 'Otters', mediaType: 'text/plain', createdAt: 0 };
const command = { commandId: 'c1', runId: r1, op: 'run.cancel', args: '{}', at: 0 } as const;
const OPERATIONS = Object.keys(STORE_OPERATIONS).filter((name): name is StoreOperation => name in STORE_OPERATIONS);

/** A store in which ada has a run with one event, and the faults of a test. */
class House implements AsyncDisposable {
  readonly #opened: TappedStore;
  readonly faults: StoreFaults;
  readonly owned: OwnedStore;

  private constructor(opened: TappedStore) {
    this.#opened = opened;
    this.faults = opened.tap.createFaults();
    this.owned = opened.store.for(ada);
  }

  static async open(): Promise<House> {
    const house = new House(await TappedStore.open());
    await house.owned.runs.accept(newRun('r1'));
    return house;
  }

  get tap() {
    return this.#opened.tap;
  }

  get store() {
    return this.#opened.store;
  }

  append(after: number, event: NewEvent = delta('Hello')): Promise<number> {
    return this.owned.log.append(r1, { generation: 1, after, events: [event] });
  }

  async head(): Promise<number | undefined> {
    return (await this.owned.log.head(r1))?.head;
  }

  /** One call of each operation. */
  call(operation: StoreOperation): Promise<unknown> {
    const { log, runs, leases, commands, artifacts, threads } = this.owned;
    const calls: { readonly [Name in StoreOperation]: () => Promise<unknown> } = {
      append: () => this.append(1),
      read: () => log.read(r1, 0, 10),
      head: () => log.head(r1),
      accept: () => runs.accept(newRun('r2')),
      get: () => runs.get(r1),
      list: () => runs.list({ limit: 10 }),
      delete: () => runs.delete(r1),
      take: () => leases.take(r1, 'node-2'),
      put: () => commands.put(command),
      pending: () => commands.pending(r1),
      applied: () => commands.applied('c1', 1),
      'artifacts.put': () => artifacts.put(file, [Buffer.from('otter')], 10),
      'artifacts.get': () => artifacts.get('a1'),
      'artifacts.read': () => Array.fromAsync(artifacts.read('a1')),
      'artifacts.list': () => artifacts.list(r1),
      'artifacts.delete': () => artifacts.delete('a1'),
      'threads.get': async () => threads.list(1).then(([thread]) => thread && threads.get(thread.threadId)),
      'threads.list': () => threads.list(10),
      unfinished: () => this.store.unfinished(),
    };
    return calls[operation]();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.faults[Symbol.dispose]();
    await this.#opened[Symbol.asyncDispose]();
  }
}

test.for(OPERATIONS)('%s fails once, as the store fails, and then works', async (operation) => {
  await using house = await House.open();
  const fault = house.faults.fail(operation);

  await expect(house.call(operation)).rejects.toMatchObject({ code: 'STORE_FAILED', details: { operation } });
  await house.call(operation);

  expect(fault.strikes).toBe(1);
  expect(house.faults.unstruck()).toEqual([]);
  expect(house.tap.busy()).toBe(0);
});

test.for(OPERATIONS)('%s is held until it is let go, and is not under way meanwhile', async (operation) => {
  await using house = await House.open();
  const hold = house.faults.hold(operation);
  let answered = false;

  const calling = house.call(operation).then(() => (answered = true));
  await hold.reached;
  expect([answered, house.tap.busy()]).toEqual([false, 0]);
  hold.release();

  expect(await calling).toBe(true);
  expect(house.tap.busy()).toBe(0);
});

test('F1: a write that failed was not made', async () => {
  await using house = await House.open();
  house.faults.fail('append');

  await expect(house.append(1)).rejects.toMatchObject({ code: 'STORE_FAILED' });

  expect(await house.head()).toBe(1);
  expect(house.tap.points).toBe(1);
});

test('F1: a write that fails after it is durable was made', async () => {
  await using house = await House.open();
  house.faults.fail('append', { after: 'durable' });

  await expect(house.append(1)).rejects.toMatchObject({ code: 'STORE_FAILED' });

  expect(await house.head()).toBe(2);
  expect(house.tap.points).toBe(2);
});

test('F1: a write can be held once it is durable', async () => {
  await using house = await House.open();
  const hold = house.faults.hold('append', { after: 'durable' });

  const appending = house.append(1);
  await hold.reached;
  expect(await house.head()).toBe(2);
  hold.release();

  expect(await appending).toBe(2);
});

test('F2: the nth call of those that it is about fails, and as many after it as are wanted', async () => {
  await using house = await House.open();
  house.faults.fail('append', { nth: 2, times: 2, types: ['message_delta'] });

  const outcomes: unknown[] = [];
  for (const event of [
    delta('a'),
    delta('b'),
    { ...completed, type: 'agent_thinking' as const },
    delta('c'),
    delta('d'),
  ])
    outcomes.push(await house.append((await house.head()) ?? 0, event).catch(() => 'failed'));

  expect(outcomes).toEqual([2, 'failed', 3, 'failed', 4]);
});

test('F2: several faults strike the same call in the order they were said', async () => {
  await using house = await House.open();
  const hold = house.faults.hold('append');
  const fault = house.faults.fail('append');

  const appending = house.append(1);
  await hold.reached;
  hold.release();

  await expect(appending).rejects.toMatchObject({ code: 'STORE_FAILED' });
  expect(fault.strikes).toBe(1);
});

test('a fault without end strikes until it is stopped', async () => {
  await using house = await House.open();
  {
    using fault = house.faults.fail('head', { times: Infinity });
    for (const _ of [1, 2, 3]) await expect(house.head()).rejects.toMatchObject({ code: 'STORE_FAILED' });
    expect(fault.strikes).toBe(3);
  }

  expect(await house.head()).toBe(1);
  expect(house.faults.unstruck()).toEqual([]);
});

test('a fault of one owner does not strike another, nor what is nobody’s', async () => {
  await using house = await House.open();
  using byId = house.faults.fail('get', { owner: { id: userId('bob') }, times: Infinity });
  using byOwner = house.faults.fail('list', { owner: bob, times: Infinity });
  using nobodys = house.faults.fail('unfinished', { owner: bob });
  const { runs } = house.store.for(bob);

  await house.call('get');
  await house.call('list');
  await house.call('unfinished');
  await expect(runs.get(r1)).rejects.toMatchObject({ code: 'STORE_FAILED' });
  await expect(runs.list({ limit: 1 })).rejects.toMatchObject({ code: 'STORE_FAILED' });

  expect([byId.strikes, byOwner.strikes, nobodys.strikes]).toEqual([1, 1, 0]);
});

test('where tests share a runtime, a fault strikes only the calls of its own', async () => {
  await using house = await House.open();
  using bobs = house.tap.createFaults(({ userId: id }) => id === bob.userId);
  const fault = bobs.fail('get', { times: Infinity });

  await house.call('get');
  await house.call('unfinished');
  await expect(house.store.for(bob).runs.get(r1)).rejects.toMatchObject({ code: 'STORE_FAILED' });

  expect(fault.strikes).toBe(1);
});

test('healing stops every failure and lets go of what is held', async () => {
  await using house = await House.open();
  const hold = house.faults.hold('append');
  house.faults.fail('head', { times: Infinity });
  const appending = house.append(1);
  await hold.reached;

  house.faults.heal();

  expect(await appending).toBe(2);
  expect(await house.head()).toBe(2);
});

test('the faults of a test that is over strike nothing', async () => {
  await using house = await House.open();
  const { faults } = house;
  faults.fail('head', { times: Infinity });

  faults[Symbol.dispose]();
  faults.fail('head');

  expect(await house.head()).toBe(1);
});

test.for([
  ['STORE_FULL', { file: 'the test asked for this fault' }],
  ['LEASE_LOST', { runId: 'r1', generation: 1 }],
  ['LOG_CONFLICT', { runId: 'r1', expected: 1, head: 2 }],
] as const)('an append can fail with %s', async ([error, details]) => {
  await using house = await House.open();
  house.faults.fail('append', { error });

  await expect(house.append(1)).rejects.toMatchObject({ code: error, details });
});

test('any error can be thrown as it is', async () => {
  await using house = await House.open();
  const error = new TypeError('a fault of the house');
  house.faults.fail('get', { error });

  await expect(house.call('get')).rejects.toBe(error);
});

test('F3: a fault that never struck names itself and the line that said it', async () => {
  await using house = await House.open();
  house.faults.fail('append', { nth: 3, types: ['tool_completed'], after: 'durable' });
  house.faults.fail('head', { times: 2 });
  house.faults.hold('take').release();
  house.faults.fail('get', { times: Infinity }).stop();
  await house.call('head').catch(() => undefined);

  const unstruck = house.faults.unstruck();

  const ofAppend = 'append of tool_completed number 3, once durable';
  expect(unstruck).toMatchObject([
    { code: 'FAULT_NOT_STRUCK', details: { fault: ofAppend, strikes: 0, times: 1 } },
    { code: 'FAULT_NOT_STRUCK', details: { fault: 'head number 1', strikes: 1, times: 2 } },
    { code: 'FAULT_NOT_STRUCK', details: { fault: 'take number 1' } },
    { code: 'FAULT_NOT_STRUCK', details: { fault: 'get number 1' } },
  ]);
  expect(unstruck[0]?.message).toBe(`the fault at ${ofAppend} never struck: there were 0 such calls`);
  expect(unstruck[1]?.message).toBe('the fault at head number 1 struck 1 of 2 times: there was 1 such call');
  expect(unstruck[0]?.stack?.split('\n')[1]).toContain('store-faults.test.ts');
});

test.for([
  ['nth', { nth: 0 }],
  ['nth', { nth: 1.5 }],
  ['times', { times: 0 }],
  ['times', { times: Number.NaN }],
] as const)('a fault with a malformed %s is refused: %j', async ([option, options]) => {
  await using house = await House.open();

  expect(() => house.faults.fail('append', options)).toThrow(
    expect.objectContaining({ code: 'CONFIG_INVALID', details: { option, received: Object.values(options)[0] } }),
  );
});

test('a fault that cannot happen is refused, with what can', async () => {
  await using house = await House.open();
  const { faults } = house;
  const unknown: string = 'apend';

  expect(() => Reflect.apply(faults.fail, faults, [unknown])).toThrow(/must be one of append, read, head/);
  expect(() => faults.fail('read', { after: 'durable' })).toThrow(/cannot be asked of read, which writes nothing/);
  expect(() => faults.fail('take', { types: ['tool_completed'] })).toThrow(/cannot be asked of take/);
  expect(() => faults.fail('take', { error: 'LEASE_LOST' })).toThrow(/never answers take with LEASE_LOST/);
});
