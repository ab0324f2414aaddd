import { once } from 'node:events';
import type { Socket } from 'node:net';

import { expect, test } from 'vitest';

import { BridgeHouse, owner, writeDeltas } from '../../test/support/bridge-house.ts';
import { RawSocket } from '../../test/support/raw-socket.ts';
import { until } from '../../test/support/until.ts';
import { runId } from '../context/ids.ts';
import { resolveLimits } from '../context/resolve-limits.ts';
import type { RunLog } from '../event/store.ts';
import { TestClock } from '../testing/test-clock.ts';
import { LiveRun } from './live-run.ts';
import { SendWindow } from './send-window.ts';
import { SocketPump } from './socket-pump.ts';
import type { Subscription } from './subscriptions.ts';
import { Timers } from './timers.ts';

const sub = { s: 'run:r1', from: 'start' };

test('U1, U2: no more is sent than the window allows, until the client acknowledges', async () => {
  await using house = await BridgeHouse.open();
  await house.write('r1', 500, { text: 'x'.repeat(1_000) });
  await using socket = await RawSocket.open(house.url, { hello: { window: 20_000, subs: [sub] } });

  await blocked(house);
  const held = socket.seqs('run:r1').length;
  socket.send({ t: 'ack', c: { 'run:r1': held, 'run:unknown': 7 } });
  await socket.until('more', () => (socket.seqs('run:r1').length > held ? true : undefined));

  // One frame may go over the edge: the window is looked at before a frame is built.
  expect(held).toBeLessThan(50);
  expect(socket.seqs('run:r1').length).toBeLessThan(100);
});

test('U5: a client that acknowledges nothing is closed with 4508, and its cursor survives', async () => {
  const clock = new TestClock();
  await using house = await BridgeHouse.open({ clock });
  await house.write('r1', 100, { text: 'x'.repeat(1_000) });
  await using socket = await RawSocket.open(house.url, { hello: { window: 8_192, subs: [sub] } });
  await blocked(house);

  await clock.advance(29_999);
  expect(socket.socket.readyState).toBe(socket.socket.OPEN);
  await clock.advance(1);

  expect(await socket.closed).toMatchObject({ code: 4508 });
  const seen = socket.seqs('run:r1').length;
  const { e: epoch } = await socket.first('ev');
  await using again = await RawSocket.open(house.url, { hello: { subs: [{ s: 'run:r1', epoch, after: seen }] } });
  await again.first('end');
  expect(again.seqs('run:r1')).toEqual(Array.from({ length: 102 - seen }, (_, index) => seen + index + 1));
});

test('U5: an acknowledgement in time is progress', async () => {
  const clock = new TestClock();
  await using house = await BridgeHouse.open({ clock });
  await house.write('r1', 100, { text: 'x'.repeat(1_000) });
  await using socket = await RawSocket.open(house.url, { hello: { window: 8_192, subs: [sub] } });

  for (let round = 0; round < 3; round += 1) {
    await blocked(house);
    await clock.advance(20_000);
    const seen = socket.seqs('run:r1').length;
    socket.send({ t: 'ack', c: { 'run:r1': seen } });
    await socket.until('more', () => (socket.seqs('run:r1').length > seen ? true : undefined));
  }

  expect(socket.all('err')).toEqual([]);
});

test('U2: a client that reads nothing holds a bounded number of bytes here, and is given up', async () => {
  const clock = new TestClock();
  await using house = await BridgeHouse.open({
    clock,
    limits: { windowBytes: 100_000_000, socketBufferBytes: 32_768, pingMs: 1_000_000 },
  });
  const accepted = once(house.server, 'connection') as Promise<[Socket]>;
  await house.write('r1', 600, { text: 'x'.repeat(30_000) });
  await using socket = await RawSocket.open(house.url);
  const [here] = await accepted;
  socket.socket.pause();
  socket.send({ t: 'sub', ...sub });

  await blocked(house);

  expect(here.writableLength).toBeGreaterThanOrEqual(32_768);
  expect(here.writableLength).toBeLessThan(32_768 + 2 * 30_100);
  await clock.advance(30_000);
  await clock.advance(1_000);
  await until('the server has let go of it', () => house.bridge.health().connections === 0);
});

test('U3: a huge replay starves neither another stream nor another connection', async () => {
  await using house = await BridgeHouse.open({ limits: { windowBytes: 100_000_000 } });
  await house.write('r1', 1_000, { text: 'x'.repeat(8_000) });
  await house.write('r2', 1, { text: 'small' });
  await using socket = await RawSocket.open(house.url);
  await using other = await RawSocket.open(house.url);

  for (const s of ['run:r1', 'run:r2']) socket.send({ t: 'sub', s, from: 'start' });
  other.send({ t: 'sub', s: 'run:r2', from: 'start' });
  await other.first('end');
  const replayed = socket.seqs('run:r1').length;
  await socket.until('both ends', () => (socket.all('end').length === 2 ? true : undefined));

  const order = socket.frames.flatMap((frame) => (frame.t === 'ev' ? [frame.s] : []));
  expect(order.indexOf('run:r2')).toBeLessThan(50);
  expect(replayed).toBeLessThan(500);
  expect(socket.seqs('run:r1')).toEqual(Array.from({ length: 1_002 }, (_, index) => index + 1));
});

test('U4: a connection that was idle is sent a delta at once, a busy one gathers', async () => {
  const clock = new TestClock();
  await using house = await BridgeHouse.open({ clock, limits: { coalesceMs: 40 } });
  const emitter = await house.accept('r1');
  await using socket = await RawSocket.open(house.url, { hello: { subs: [{ s: 'run:r1', from: 'live' }] } });

  await emitter.emit('message_delta', { message: 'm', delta: 'one' });
  await socket.first('ev');
  await emitter.emit('message_delta', { message: 'm', delta: 'two' });
  await emitter.emit('message_delta', { message: 'm', delta: 'three' });
  await roundTrip(socket);
  const beforeTheWindow = socket.all('ev').length;
  await clock.advance(40);
  await socket.until('the gathered ones', () => socket.all('ev')[1]);

  expect(beforeTheWindow).toBe(1);
  expect(socket.all('ev').map(({ from, ev }) => [from, ev.length])).toEqual([
    [2, 1],
    [3, 2],
  ]);
});

test('U4: what somebody waits for is sent at once, with all that was gathered before it', async () => {
  const clock = new TestClock();
  await using house = await BridgeHouse.open({ clock });
  const emitter = await house.accept('r1');
  await using socket = await RawSocket.open(house.url, { hello: { subs: [{ s: 'run:r1', from: 'live' }] } });

  await emitter.emit('message_delta', { message: 'm', delta: 'one' });
  await socket.first('ev');
  await emitter.emit('message_delta', { message: 'm', delta: 'two' });
  await emitter.emit('agent_thinking', { turn: 1 });
  await socket.until('the rest', () => socket.all('ev')[1]);

  expect(socket.seqs('run:r1')).toEqual([2, 3, 4]);
  expect(house.resources.remaining('timer').map(({ name }) => name)).not.toContain('gather');
});

test('U4: a busy connection does not wait when a quantum is there', async () => {
  const clock = new TestClock();
  await using house = await BridgeHouse.open({ clock });
  const emitter = await house.accept('r1');
  await using socket = await RawSocket.open(house.url, { hello: { subs: [{ s: 'run:r1', from: 'live' }] } });

  await emitter.emit('message_delta', { message: 'm', delta: 'one' });
  await socket.first('ev');
  await emitter.emit('message_delta', { message: 'm', delta: 'x'.repeat(20_000) });

  expect(await socket.until('the large one', () => socket.all('ev')[1])).toMatchObject({ from: 3 });
});

test('a client that leaves a stream gets nothing more of it, and frees its window', async () => {
  await using house = await BridgeHouse.open();
  await house.write('r1', 100, { text: 'x'.repeat(1_000) });
  await house.write('r2', 1);
  await using socket = await RawSocket.open(house.url, { hello: { window: 4_096, subs: [sub] } });
  await blocked(house);

  socket.send({ t: 'unsub', s: 'run:r1' });
  socket.send({ t: 'sub', s: 'run:r2', from: 'start' });
  await socket.first('end');

  expect(socket.seqs('run:r2')).toEqual([1, 2, 3]);
  expect(socket.seqs('run:r1').length).toBeLessThan(30);
});

test('a stream that is left while its events are read from the store sends none of them', async () => {
  await using house = await BridgeHouse.open();
  await house.write('r1', 100);
  const log = house.store.for(owner()).log;
  const { promise: asked, resolve: reading } = Promise.withResolvers<void>();
  const { promise: held, resolve: release } = Promise.withResolvers<void>();
  const run = new LiveRun(owner(), runId('r1'), {
    ...boundTo(log),
    read: async (id, after, limit) => {
      reading();
      await held;
      return log.read(id, after, limit);
    },
  });
  await run.open();
  const sent: unknown[] = [];
  const clock = new TestClock();
  const pump = new SocketPump({
    outlet: { bufferedAmount: 0, send: (bytes) => sent.push(bytes), say: (frame) => sent.push(frame) },
    window: new SendWindow(100_000),
    clock,
    timers: new Timers(clock, house.resources, 'ada'),
    limits: resolveLimits(),
    ended: () => sent.push('ended'),
    slow: () => sent.push('slow'),
    failed: (error) => sent.push(error),
  });
  const subscription: Subscription = { stream: 'run:r1', run, cursor: 0, state: 'open' };
  pump.offer(subscription);
  await asked;

  subscription.state = 'left';
  release();
  await pump.flush();

  expect(sent).toEqual([]);
});

test('a live run is seen by a client that subscribes while it is written, without a hole or a double', async () => {
  await using house = await BridgeHouse.open();
  const emitter = await house.accept('r1');
  const writing = writeDeltas(emitter, 1_000).then(() => emitter.emit('agent_completed', { result: null }));

  await using socket = await RawSocket.open(house.url, { hello: { window: 10_000_000, subs: [sub] } });
  await writing;
  await socket.first('end');

  expect(socket.seqs('run:r1')).toEqual(Array.from({ length: 1_002 }, (_, index) => index + 1));
});

test('an event of 64 KB goes through', async () => {
  await using house = await BridgeHouse.open();
  await house.write('r1', 2, { text: 'ü'.repeat(32_000) });

  await using socket = await RawSocket.open(house.url, { hello: { subs: [sub] } });
  await socket.first('end');

  expect(socket.events('run:r1').map(({ type }) => type)).toEqual([
    'run_accepted',
    'message_delta',
    'message_delta',
    'agent_completed',
  ]);
});

function boundTo(log: RunLog): RunLog {
  return { append: log.append.bind(log), read: log.read.bind(log), head: log.head.bind(log) };
}

/** The pump has stopped because the socket or the window is full. */
function blocked(house: BridgeHouse): Promise<void> {
  return until('the connection is blocked', () =>
    house.resources.remaining('timer').some(({ name }) => name === 'slow'),
  );
}

/** Whatever was sent before it has arrived when this resolves. */
async function roundTrip(socket: RawSocket): Promise<void> {
  socket.send({ t: 'ping', n: 1 });
  await socket.first('pong');
}
