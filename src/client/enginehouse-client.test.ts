import fc from 'fast-check';
import { expect, test } from 'vitest';

import { BridgeHouse, owner, writeDeltas } from '../../test/support/bridge-house.ts';
import { fastClock } from '../../test/support/fast-clock.ts';
import { until } from '../../test/support/until.ts';
import { EnginehouseError } from '../base/errors.ts';
import type { AgentEvent } from '../context/event.ts';
import { runId } from '../context/ids.ts';
import { connect, type ClientState, type EnginehouseClient } from './index.ts';
import type { ClientOptions } from './options.ts';

test('a run is started, iterated to its end, and proven', async () => {
  await using house = await BridgeHouse.open();
  await using client = open(house);

  const run = client.start('echo', { deltas: 5 }, { runId: 'r1' });
  const events = await collect(run);

  expect(run.id).toBe('r1');
  expect(events).toEqual(await logOf(house, 'r1'));
  expect(await run.result).toEqual({ status: 'completed', result: 5, seq: 7, crc: await crcOf(house, 'r1') });
  expect(run.proof).toEqual({ n: 7, crc: await crcOf(house, 'r1'), verified: true });
  expect(client.state).toBe('open');
});

test('a result can be had without iterating, and iterated after', async () => {
  await using house = await BridgeHouse.open();
  await using client = open(house);

  const run = client.start('echo', { deltas: 3 });
  const { seq } = await run.result;

  expect(seq).toBe(5);
  expect(await collect(run)).toHaveLength(5);
});

test('every iteration has every event once', async () => {
  await using house = await BridgeHouse.open();
  await using client = open(house);
  const emitter = await house.accept('r1');
  const run = client.run('r1');
  const early = [collect(run), collect(run), collect(client.run('r1'))];

  await writeDeltas(emitter, 300);
  await emitter.emit('agent_completed', { result: null });
  const all = await Promise.all(early);
  const late = await collect(run);

  const log = await logOf(house, 'r1');
  for (const events of [...all, late]) expect(events).toEqual(log);
});

test('a reader that leaves early disturbs nobody', async () => {
  await using house = await BridgeHouse.open();
  await using client = open(house);
  await house.write('r1', 50);
  const run = client.run('r1');

  for await (const event of run) if (event.seq === 10) break;

  expect(await collect(run)).toHaveLength(52);
});

test('C1: a drop in the middle is not seen: the events go on where they were', async () => {
  await using house = await BridgeHouse.open();
  await using client = open(house);
  const states: ClientState[] = [];
  const forget = client.onState((state) => states.push(state));
  const emitter = await house.accept('r1');
  await writeDeltas(emitter, 30);
  const run = client.run('r1');
  const reading = collect(run);
  await until('the first part is there', () => run.proof.n === 31);

  house.cut();
  await writeDeltas(emitter, 30);
  await until('it is back', () => run.proof.n === 61);
  forget();
  await emitter.emit('agent_completed', { result: null });

  expect(await reading).toEqual(await logOf(house, 'r1'));
  expect(run.proof.verified).toBe(true);
  expect(states).toEqual(['open', 'reconnecting', 'open']);
});

test('C1: a command whose answer was lost is sent again with its id, and has one effect', async () => {
  const ids: string[] = [];
  const first = Promise.withResolvers<void>();
  await using house: BridgeHouse = await BridgeHouse.open({
    command: async (principal, frame) => {
      ids.push(frame.id);
      if (ids.length === 1) {
        await house.write('r1', 2, { user: principal.userId });
        first.resolve();
        await new Promise(() => undefined);
      }
      return { s: 'run:r1', seq: 1 };
    },
  });
  await using client = open(house);
  const run = client.start('echo', null, { runId: 'r1' });
  await first.promise;

  house.cut();

  expect((await run.result).status).toBe('completed');
  expect(new Set(ids).size).toBe(1);
  expect(ids).toHaveLength(2);
});

test('C1: a command that a closing server refused is put to the next one', async () => {
  let asked = 0;
  await using house: BridgeHouse = await BridgeHouse.open({
    command: async (principal) => {
      asked += 1;
      if (asked === 1) throw new EnginehouseError('DRAINING', 'the server is closing', {});
      await house.write('r1', 1, { user: principal.userId });
      return { s: 'run:r1', seq: 1 };
    },
  });
  await using client = open(house);
  const run = client.start('echo', null, { runId: 'r1' });
  await until('the first answer has come', () => asked === 1 && client.state === 'open');

  house.cut();

  expect((await run.result).status).toBe('completed');
  expect(asked).toBe(2);
});

test('a restart of the server is not seen: it says drain, and the next one goes on', async () => {
  const states: ClientState[] = [];
  await using house = await BridgeHouse.open();
  const emitter = await house.accept('r1');
  await using client = open(house);
  client.onState((state) => states.push(state));
  const reading = collect(client.run('r1'));
  await until('it is connected', () => client.state === 'open');

  await writeDeltas(emitter, 10);
  await emitter.close();
  await house.restart();
  const again = await house.takeOver('r1');
  await writeDeltas(again, 10);
  await again.emit('agent_completed', { result: null });

  expect(await reading).toEqual(await logOf(house, 'r1'));
  expect(states).toEqual(['open', 'reconnecting', 'open']);
});

test('what the server refuses comes out of the run', async () => {
  await using house = await BridgeHouse.open();
  await using client = open(house);
  await house.write('of-bob', 1, { user: 'bob' });

  const unknownAgent = client.start('nobody', null);
  const unknownRun = client.run('never');
  const foreignRun = client.run('of-bob');

  await expect(unknownAgent.result).rejects.toMatchObject({ code: 'AGENT_UNKNOWN', ref: expect.any(String) });
  await expect(collect(unknownAgent)).rejects.toMatchObject({ code: 'AGENT_UNKNOWN' });
  await expect(unknownRun.result).rejects.toMatchObject({ code: 'NOT_FOUND' });
  await expect(foreignRun.result).rejects.toMatchObject({ code: 'NOT_FOUND' });
  await expect(unknownRun.cancel('enough')).rejects.toMatchObject({ code: 'NOT_FOUND' });
  expect(client.state).toBe('open');
});

test('a refused start leaves a run of the same id that is followed already', async () => {
  await using house = await BridgeHouse.open();
  await using client = open(house);
  const emitter = await house.accept('r1');
  const followed = client.run('r1');

  await expect(client.start('nobody', null, { runId: 'r1' }).result).rejects.toMatchObject({ code: 'AGENT_UNKNOWN' });
  await emitter.emit('agent_completed', { result: 1 });

  expect((await followed.result).result).toBe(1);
});

test('an input that fits no frame is refused here, not by a closed connection', async () => {
  await using house = await BridgeHouse.open();
  await using client = open(house);

  const run = client.start('echo', { text: 'x'.repeat(70_000) });

  await expect(run.result).rejects.toMatchObject({
    code: 'TOO_LARGE',
    details: { what: 'run.start', limitBytes: 65_536 },
  });
});

test('a kept cursor goes on after it, and proves the whole when it brings its CRC', async () => {
  await using house = await BridgeHouse.open();
  await using client = open(house);
  const emitter = await house.accept('r1');
  await writeDeltas(emitter, 9);
  const first = client.run('r1');
  await until('ten events', () => first.proof.n === 10);
  const cursor = first.cursor;
  first.leave();
  await emitter.emit('agent_completed', { result: null });

  const { crc: _crc, ...bare } = cursor ?? { epoch: '', after: 0 };
  const proven = client.run('r1', { from: cursor ?? 'start' });
  expect((await collect(proven)).map(({ seq }) => seq)).toEqual([11]);
  expect(proven.proof).toMatchObject({ n: 11, verified: true });

  const unproven = client.run('r1', { from: bare });
  expect((await collect(unproven)).map(({ seq }) => seq)).toEqual([11]);
  expect(unproven.proof).toEqual({ n: 11, crc: undefined, verified: false });
});

test('a cursor at the end of a run still gives its result', async () => {
  await using house = await BridgeHouse.open();
  await using client = open(house);
  await house.write('r1', 3);
  const first = client.run('r1');
  await first.result;

  const again = client.run('r1', { from: first.cursor ?? 'start' });

  expect(await collect(again)).toEqual([]);
  expect(await again.result).toMatchObject({ status: 'completed', result: 3, seq: 5 });
});

test('a cursor of another log is told, and the run is read from its start', async () => {
  await using house = await BridgeHouse.open();
  await using client = open(house);
  await house.write('r1', 3);
  const resets: unknown[] = [];
  client.onReset((reset) => resets.push(reset));
  const run = client.run('r1', { from: { epoch: 'another', after: 2 } });

  await expect(collect(run)).rejects.toMatchObject({ code: 'STREAM_RESET', details: { runId: 'r1', why: 'epoch' } });

  expect(await collect(run)).toEqual(await logOf(house, 'r1'));
  expect(run.proof.verified).toBe(true);
  expect(resets).toEqual([{ runId: 'r1', why: 'epoch' }]);
});

test('leaving a run unsubscribes, ends its readers, and cancels nothing', async () => {
  await using house = await BridgeHouse.open();
  await using client = open(house);
  const emitter = await house.accept('r1');
  const run = client.run('r1');
  const other = client.run('r1');
  const reading = collect(run);
  await until('it is subscribed', () => house.bridge.health().subscriptions === 1);

  other.leave();
  other.leave();
  await writeDeltas(emitter, 1);
  await until('the other one goes on', () => run.proof.n === 2);
  run.leave();

  await expect(reading).rejects.toMatchObject({ code: 'CLOSED' });
  await expect(run.result).rejects.toMatchObject({ code: 'CLOSED' });
  await until('the server knows', () => house.bridge.health().subscriptions === 0);
  await emitter.emit('agent_completed', { result: null });
});

test('closing ends what waits with CLOSED, and later calls at once', async () => {
  await using house = await BridgeHouse.open();
  const client = open(house);
  await house.accept('r1');
  const run = client.run('r1');
  const reading = collect(run);
  await until('it is subscribed', () => house.bridge.health().subscriptions === 1);

  await client.close();
  await client.close();

  await expect(reading).rejects.toMatchObject({ code: 'CLOSED' });
  await expect(client.start('echo', null).result).rejects.toMatchObject({ code: 'CLOSED' });
  await expect(client.run('r1').result).rejects.toMatchObject({ code: 'CLOSED' });
  expect(client.state).toBe('closed');
  await until('the server has seen it', () => house.bridge.health().connections === 0);
});

test('closing before the connection is open ends it', async () => {
  const client = connect({ url: 'http://127.0.0.1:9', clock: fastClock });

  await client.close();

  expect(client.state).toBe('closed');
});

test('C3: a refusal at the door ends the client with the reason, without another attempt', async () => {
  await using house = await BridgeHouse.open();
  const client = connect({ url: house.url, clock: fastClock, token: 'mallory' });
  const run = client.run('r1');

  await expect(run.result).rejects.toMatchObject({ code: 'FORBIDDEN' });

  expect(client.state).toBe('closed');
});

test('C3: a close code that says not to come back ends the client with what the server said', async () => {
  await using house = await BridgeHouse.open();
  const client = open(house);
  await house.accept('r1');
  const run = client.run('r1');
  await until('it is subscribed', () => house.bridge.health().subscriptions === 1);

  await house.bridge.closeUser(owner());

  await expect(run.result).rejects.toMatchObject({
    code: 'UNAUTHENTICATED',
    details: { reason: 'the user was signed out' },
  });
});

test('a sign-in that ended is renewed when the token is asked for each time', async () => {
  await using house = await BridgeHouse.open();
  let asked = 0;
  await using client = connect({
    url: house.url,
    clock: fastClock,
    token: async () => {
      asked += 1;
      return 'ada';
    },
  });
  const emitter = await house.accept('r1');
  const run = client.run('r1');
  await until('it is subscribed', () => house.bridge.health().subscriptions === 1);

  await house.bridge.closeUser(owner());
  await until('it is back', () => house.bridge.health().subscriptions === 1);
  await emitter.emit('agent_completed', { result: null });

  expect((await run.result).status).toBe('completed');
  expect(asked).toBe(2);
});

test('C3: a server that cannot be reached is given up after the attempts', async () => {
  await using house = await BridgeHouse.open();
  const url = house.url;
  await house[Symbol.asyncDispose]();
  const client = connect({ url, clock: fastClock, attempts: 4 });

  await expect(client.run('r1').result).rejects.toMatchObject({
    code: 'DISCONNECTED',
    message: expect.stringContaining('4 attempts'),
  });

  expect(client.state).toBe('closed');
});

test('a client that starts before its server waits for it', async () => {
  const waiting = await BridgeHouse.open();
  const { port } = waiting;
  await waiting[Symbol.asyncDispose]();
  await using client = connect({ url: `http://127.0.0.1:${port}`, token: 'ada', clock: fastClock });
  const run = client.start('echo', { deltas: 1 });
  await until('it has failed', () => client.state === 'connecting');

  await using house = await BridgeHouse.open({ port });

  expect((await run.result).status).toBe('completed');
  expect(house.bridge.health().connections).toBe(1);
});

test('many commands at once stay within what the server takes', async () => {
  await using house = await BridgeHouse.open({ limits: { framesPerSecond: 500, frameBurst: 40 } });
  await using client = connect({ url: house.url, token: 'ada' });

  const runs = Array.from({ length: 120 }, () => client.start('echo', { deltas: 1 }));
  const results = await Promise.all(runs.map((run) => run.result));

  expect(results.every(({ status }) => status === 'completed')).toBe(true);
  expect(house.bridge.health().connections).toBe(1);
});

test('more runs than a hello has room for are all followed again after a drop', async () => {
  await using house = await BridgeHouse.open({ limits: { framesPerSecond: 1_000, frameBurst: 200 } });
  await using client = open(house);
  const writers = await Promise.all(Array.from({ length: 120 }, (_, index) => house.accept(`r${index}`)));
  const runs = writers.map((_, index) => client.run(`r${index}`));
  await until('all are followed', () => runs.every(({ proof }) => proof.n === 1));

  house.cut();
  await Promise.all(writers.map((writer) => writer.emit('agent_completed', { result: null })));
  const results = await Promise.all(runs.map((run) => run.result));

  expect(results.every(({ status }) => status === 'completed')).toBe(true);
});

test('a listener that throws is told of as uncaught, and harms nothing here', async () => {
  await using house = await BridgeHouse.open();
  await using client = open(house);
  const uncaught = Promise.withResolvers<unknown>();
  const others = process.listeners('uncaughtException');
  process.removeAllListeners('uncaughtException');
  process.once('uncaughtException', uncaught.resolve);
  const forget = client.onState(() => {
    forget();
    throw new Error('the page broke');
  });

  const { status } = await client.start('echo', { deltas: 1 }).result;

  expect(status).toBe('completed');
  expect(await uncaught.promise).toMatchObject({ message: 'the page broke' });
  for (const other of others) process.on('uncaughtException', other);
});

test('a run whose events are long is received within a small window', async () => {
  await using house = await BridgeHouse.open({ limits: { windowBytes: 8_192 } });
  await using client = open(house);
  await house.write('r1', 60, { text: 'ü'.repeat(3_000) });

  const events = await collect(client.run('r1'));

  expect(events).toEqual(await logOf(house, 'r1'));
});

test('two users of one server see their own runs only', async () => {
  await using house = await BridgeHouse.open();
  await using ada = open(house, 'ada');
  await using bob = open(house, 'bob');

  const [mine, theirs] = [
    ada.start('echo', { deltas: 1 }, { runId: 'same' }),
    bob.start('echo', { deltas: 9 }, { runId: 'same' }),
  ];

  expect((await mine.result).result).toBe(1);
  expect((await theirs.result).result).toBe(9);
});

test('the options say what is wrong with them', () => {
  expect(() => connect({ url: 'ftp://example.org' })).toThrow(
    expect.objectContaining({ code: 'CONFIG_INVALID', details: { option: 'url', received: 'ftp://example.org' } }),
  );
  expect(() => connect({ url: 'http://127.0.0.1', attempts: 0 })).toThrow(
    expect.objectContaining({ code: 'CONFIG_INVALID' }),
  );
});

test('an injected WebSocket is given the address, the subprotocol and the sign-in', async () => {
  await using house = await BridgeHouse.open();
  const { WebSocket } = await import('ws');
  const given: unknown[] = [];
  await using client = connect({
    url: `http://127.0.0.1:${house.port}/`,
    token: 'ada',
    webSocket: (url, protocols, headers) => {
      given.push(url, protocols, headers);
      return new WebSocket(url, [...protocols], { headers });
    },
  });

  const { status } = await client.start('echo', { deltas: 1 }).result;

  expect(status).toBe('completed');
  expect(given).toEqual([house.url, ['enginehouse.v1'], { Authorization: 'Bearer ada' }]);
});

test('model: with cuts anywhere, every reader shows the log exactly', async () => {
  const step = fc.oneof(
    fc.record({
      do: fc.constant('write' as const),
      count: fc.integer({ min: 1, max: 60 }),
      length: fc.constantFrom(1, 2_000),
    }),
    fc.record({ do: fc.constant('cut' as const) }),
    fc.record({ do: fc.constant('wait' as const) }),
    fc.record({ do: fc.constant('reader' as const) }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 15 }), async (steps) => {
      await using house = await BridgeHouse.open({ limits: { windowBytes: 16_384 } });
      await using client = open(house);
      const emitter = await house.accept('r1');
      const run = client.run('r1');
      const readers = [collect(run)];
      for (const one of steps) {
        if (one.do === 'write') await writeDeltas(emitter, one.count, 'x'.repeat(one.length));
        else if (one.do === 'cut') house.cut();
        else if (one.do === 'reader') readers.push(collect(run));
        else await until('it has caught up', () => run.proof.n === emitter.head);
      }
      await emitter.emit('agent_completed', { result: null });
      const log = await logOf(house, 'r1');
      for (const events of await Promise.all(readers)) expect(events).toEqual(log);
      expect(run.proof).toMatchObject({ n: log.length, verified: true });
    }),
    { numRuns: 20 },
  );
});

function open(house: BridgeHouse, user = 'ada', options: Partial<ClientOptions> = {}): EnginehouseClient {
  return connect({ url: house.url, token: user, clock: fastClock, ...options });
}

async function collect(events: AsyncIterable<AgentEvent>): Promise<AgentEvent[]> {
  const all: AgentEvent[] = [];
  for await (const event of events) all.push(event);
  return all;
}

function logOf(house: BridgeHouse, run: string): Promise<readonly AgentEvent[]> {
  return house.store.for(owner()).log.read(runId(run), 0, 100_000);
}

async function crcOf(house: BridgeHouse, run: string): Promise<string | undefined> {
  return (await house.store.for(owner()).log.head(runId(run)))?.crc.toString(16).padStart(8, '0');
}
