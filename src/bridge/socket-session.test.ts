import { once } from 'node:events';

import { expect, test } from 'vitest';
import { WebSocket } from 'ws';

import { BridgeHouse, owner, writeDeltas } from '../../test/support/bridge-house.ts';
import { RawSocket } from '../../test/support/raw-socket.ts';
import { until } from '../../test/support/until.ts';
import { runId } from '../context/ids.ts';
import { SUBPROTOCOL } from '../context/wire.ts';
import { TestClock } from '../testing/test-clock.ts';

test('ready says who came in, what the limits are and where each stream stands', async () => {
  await using house = await BridgeHouse.open();
  await house.write('r1', 4);

  await using socket = await RawSocket.open(house.url, {
    hello: {
      window: 8_192,
      subs: [
        { s: 'run:r1', from: 'live' },
        { s: 'run:unknown', from: 'start' },
      ],
    },
  });
  const ready = await socket.first('ready');
  const refusal = await socket.first('err');

  expect(ready).toMatchObject({ v: 1, hb: 25_000, maxFrame: 65_536, rate: [50, 100], window: 8_192, user: 'ada' });
  expect(ready.streams).toEqual({ 'run:r1': { epoch: expect.any(String), head: 6, resumed: true } });
  expect(socket.frames[0]).toBe(ready);
  expect(refusal).toMatchObject({ s: 'run:unknown', err: { code: 'NOT_FOUND' } });
});

test('N1: what arrives before ready waits for it, in order', async () => {
  await using house = await BridgeHouse.open();
  await house.write('r1', 1);
  await using socket = await RawSocket.open(house.url, { hello: false });

  socket.send({ t: 'hello', v: 1, subs: [{ s: 'run:r1', from: 'start' }] });
  socket.send({ t: 'ping', n: 1 });
  socket.send({ t: 'unsub', s: 'run:r1' });
  socket.send({ t: 'ping', n: 2 });
  await socket.until('two pongs', () => (socket.all('pong').length === 2 ? true : undefined));

  expect(socket.frames[0]?.t).toBe('ready');
  expect(socket.all('pong').map(({ n }) => n)).toEqual([1, 2]);
});

const malformed: readonly [string, object | string][] = [
  ['not JSON', 'hello'],
  ['a list', '[]'],
  ['null', 'null'],
  ['no type', { v: 1 }],
  ['a type that is no text', { t: 7 }],
  ['a known type of another shape', { t: 'sub', s: 'run:r1', from: 'middle' }],
  ['a stream that is no run', { t: 'sub', s: 'feed', from: 'start' }],
  ['a negative cursor', { t: 'sub', s: 'run:r1', from: { epoch: 'e', after: -1 } }],
  ['an unknown command', { t: 'cmd', id: 'c1', op: 'run.explode', a: {} }],
  ['a second hello', { t: 'hello', v: 1 }],
];

test.each(malformed)('a malformed frame is answered and closed with 4400: %s', async (_name, frame) => {
  await using house = await BridgeHouse.open();
  await using socket = await RawSocket.open(house.url);

  socket.send(frame);

  expect(await socket.closed).toMatchObject({ code: 4400 });
  expect(socket.frames.at(-1)).toMatchObject({
    t: 'err',
    err: { code: 'FRAME_INVALID', retry: 'no', ref: expect.any(String) },
  });
});

test('a binary frame is closed with 4400', async () => {
  await using house = await BridgeHouse.open();
  await using socket = await RawSocket.open(house.url);

  socket.socket.send(Buffer.from('{"t":"ping","n":1}'));

  expect(await socket.closed).toMatchObject({ code: 4400 });
});

test('a first frame that is not hello is closed with 4400', async () => {
  await using house = await BridgeHouse.open();
  await using socket = await RawSocket.open(house.url, { hello: false });

  socket.send({ t: 'ping', n: 1 });

  expect(await socket.closed).toMatchObject({ code: 4400, reason: 'the first frame must be hello' });
});

test('a hello of another version is closed with 4406', async () => {
  await using house = await BridgeHouse.open();
  await using socket = await RawSocket.open(house.url, { hello: false });

  socket.send({ t: 'hello', v: 2 });

  expect(await socket.closed).toMatchObject({ code: 4406 });
});

test('a socket without the subprotocol is closed with 4406', async () => {
  await using house = await BridgeHouse.open();
  await using socket = await RawSocket.open(house.url, { hello: false, protocol: undefined });

  expect(await socket.closed).toMatchObject({ code: 4406 });
});

test('unknown frame types and unknown fields are ignored', async () => {
  await using house = await BridgeHouse.open();
  await using socket = await RawSocket.open(house.url, { hello: { caps: ['verbose'] } });

  socket.send({ t: 'telemetry', anything: [1] });
  socket.send({ t: 'ping', n: 5, extra: true });

  expect(await socket.first('pong')).toEqual({ t: 'pong', n: 5 });
});

test('a frame over the limit is closed with 1009', async () => {
  await using house = await BridgeHouse.open({ limits: { frameBytes: 1_024 } });
  await using socket = await RawSocket.open(house.url);

  socket.send({ t: 'ping', n: 1, pad: 'x'.repeat(1_024) });

  expect(await socket.closed).toMatchObject({ code: 1009 });
  await until('the server has let go of it', () => house.resources.remaining('socket').length === 0);
});

test('N5: a peer that does not answer a close of ws itself is cut off as well', async () => {
  const clock = new TestClock();
  await using house = await BridgeHouse.open({ clock, limits: { frameBytes: 1_024 } });
  await using socket = await RawSocket.open(house.url);
  socket.send({ t: 'ping', n: 1, pad: 'x'.repeat(1_024) });
  socket.socket.pause();
  await until('the server closes', () => house.resources.remaining('timer').some(({ name }) => name === 'close'));

  await clock.advance(1_000);

  await until('the server has let go of it', () => house.resources.remaining('socket').length === 0);
});

test('a flood of frames is closed with 4429', async () => {
  await using house = await BridgeHouse.open({ limits: { framesPerSecond: 1, frameBurst: 5 } });
  await using socket = await RawSocket.open(house.url);

  for (let n = 0; n < 10; n += 1) socket.send({ t: 'ping', n });

  expect(await socket.closed).toMatchObject({ code: 4429 });
  expect(socket.all('pong')).toHaveLength(4);
  expect(await socket.first('err')).toMatchObject({
    err: { code: 'LIMIT_REACHED', details: { limit: 'framesPerSecond', max: 1 } },
  });
});

test('a flood of pings of the WebSocket protocol counts as well', async () => {
  await using house = await BridgeHouse.open({ limits: { framesPerSecond: 1, frameBurst: 5 } });
  await using socket = await RawSocket.open(house.url);

  for (let n = 0; n < 10; n += 1) socket.socket.ping();

  expect(await socket.closed).toMatchObject({ code: 4429 });
});

test('a connection without hello is closed with 4408', async () => {
  const clock = new TestClock();
  await using house = await BridgeHouse.open({ clock, limits: { helloTimeoutMs: 700 } });
  await using socket = await RawSocket.open(house.url, { hello: false });
  await until('the server waits for hello', () =>
    house.resources.remaining('timer').some(({ name }) => name === 'hello'),
  );

  await clock.advance(699);
  expect(socket.socket.readyState).toBe(socket.socket.OPEN);
  await clock.advance(1);

  expect(await socket.closed).toMatchObject({ code: 4408 });
});

test('a connection whose sign-in ends is closed with 4401', async () => {
  const clock = new TestClock();
  await using house = await BridgeHouse.open({ clock, expiresAt: clock.now() + 60_000 });
  await using socket = await RawSocket.open(house.url);

  await clock.advance(60_000);

  expect(await socket.closed).toMatchObject({ code: 4401 });
  expect(await socket.first('err')).toMatchObject({ err: { code: 'UNAUTHENTICATED' } });
});

test('a sign-in that ends in fifty days does not end at once', async () => {
  const clock = new TestClock();
  const fiftyDays = 50 * 86_400_000;
  await using house = await BridgeHouse.open({
    clock,
    expiresAt: clock.now() + fiftyDays,
    limits: { pingMs: 86_400_000 },
  });
  await using socket = await RawSocket.open(house.url);

  await clock.advance(1_000);
  socket.send({ t: 'ping', n: 1 });

  expect(await socket.first('pong')).toEqual({ t: 'pong', n: 1 });
});

test('a quiet connection is pinged and told the heads of its streams', async () => {
  const clock = new TestClock();
  await using house = await BridgeHouse.open({ clock });
  await using emitter = await house.accept('r1');
  await using socket = await RawSocket.open(house.url, { hello: { subs: [{ s: 'run:r1', from: 'live' }] } });
  const pinged = once(socket.socket, 'ping');
  expect(emitter.head).toBe(1);

  await clock.advance(25_000);
  await pinged;

  expect(await socket.first('hb')).toEqual({ t: 'hb', at: clock.now(), head: { 'run:r1': 1 } });
});

test('a peer that answers no ping is gone after two misses', async () => {
  const clock = new TestClock();
  await using house = await BridgeHouse.open({ clock });
  await using socket = await RawSocket.open(house.url, { autoPong: false });

  await clock.advance(50_000);
  expect(house.bridge.health().connections).toBe(1);
  await clock.advance(25_000);

  expect(await socket.closed).toMatchObject({ code: 1006 });
  await until('the server has let go of it', () =>
    house.resources.remaining().every(({ kind }) => kind !== 'socket' && kind !== 'timer'),
  );
});

test('N5: a peer that does not answer the close is cut off after a second', async () => {
  const clock = new TestClock();
  await using house = await BridgeHouse.open({ clock });
  await using socket = await RawSocket.open(house.url);
  socket.send('nonsense');
  socket.socket.pause();
  await until('the server closes', () => house.resources.remaining('timer').some(({ name }) => name === 'close'));

  await clock.advance(1_000);

  await until('the server has let go of it', () => house.resources.remaining('socket').length === 0);
  expect(house.resources.remaining('timer')).toEqual([]);
});

test('a command is answered with the position of its effect, or with the error', async () => {
  await using house = await BridgeHouse.open();
  await using socket = await RawSocket.open(house.url);

  socket.send({ t: 'cmd', id: 'c1', op: 'run.start', a: { agent: 'echo', input: {}, runId: 'r1' } });
  socket.send({ t: 'cmd', id: 'c2', op: 'run.start', a: { agent: 'nobody', input: {} } });
  await socket.until('both answers', () => (socket.all('res').length === 2 ? true : undefined));

  expect(socket.all('res').find(({ id }) => id === 'c1')).toEqual({
    t: 'res',
    id: 'c1',
    ok: true,
    at: { s: 'run:r1', seq: 1 },
  });
  expect(socket.all('res').find(({ id }) => id === 'c2')).toMatchObject({ ok: false, err: { code: 'AGENT_UNKNOWN' } });
});

test('a command that is sent twice has one effect and the same answer', async () => {
  await using house = await BridgeHouse.open();
  await using socket = await RawSocket.open(house.url);
  const start = { t: 'cmd', id: 'c1', op: 'run.start', a: { agent: 'echo', input: { deltas: 1 }, runId: 'r1' } };

  socket.send(start);
  await socket.first('res');
  socket.send(start);
  await socket.until('both answers', () => (socket.all('res').length === 2 ? true : undefined));
  socket.send({ t: 'sub', s: 'run:r1', from: 'start' });
  await socket.first('end');

  expect(socket.all('res')[0]).toEqual(socket.all('res')[1]);
  expect(socket.events('run:r1').map(({ type }) => type)).toEqual(['run_accepted', 'message_delta', 'agent_completed']);
});

test('N4: a connection has at most 32 commands under way', async () => {
  const { promise: held, resolve: release } = Promise.withResolvers<void>();
  await using house = await BridgeHouse.open({
    command: async (_principal, { id }) => {
      await held;
      return { s: `run:${id}`, seq: 1 };
    },
  });
  await using socket = await RawSocket.open(house.url);

  for (let n = 1; n <= 33; n += 1) socket.send({ t: 'cmd', id: `c${n}`, op: 'run.cancel', a: { runId: 'r' } });
  const refusal = await socket.first('res');
  release();
  await socket.until('all answers', () => (socket.all('res').length === 33 ? true : undefined));

  expect(refusal).toMatchObject({
    id: 'c33',
    ok: false,
    err: { code: 'LIMIT_REACHED', details: { limit: 'commands', max: 32 } },
  });
});

test('a failure of ours is told by code and ref, its words go to the log, and the connection lives', async () => {
  const logged: unknown[] = [];
  await using house = await BridgeHouse.open({
    command: async () => {
      throw new TypeError('SELECT * FROM secrets');
    },
    log: (level, message, details) => logged.push({ level, message, details }),
  });
  await using socket = await RawSocket.open(house.url);

  socket.send({ t: 'cmd', id: 'c1', op: 'run.cancel', a: { runId: 'r' } });
  const answer = await socket.first('res');
  socket.send({ t: 'ping', n: 1 });

  if (answer.ok) throw new Error('it was refused');
  expect(answer.err).toMatchObject({ code: 'INTERNAL', details: {}, ref: expect.any(String) });
  expect(JSON.stringify(answer)).not.toContain('secrets');
  expect(logged).toEqual([
    {
      level: 'error',
      message: 'a socket met a failure: SELECT * FROM secrets',
      details: expect.objectContaining({ ref: answer.err.ref, code: 'INTERNAL', what: 'run.cancel', userId: 'ada' }),
    },
  ]);
  expect(await socket.first('pong')).toEqual({ t: 'pong', n: 1 });
});

test('N2: a foreign run is answered as unknown, and a run of the same id is another run', async () => {
  await using house = await BridgeHouse.open();
  await house.write('r1', 3, { user: 'ada', text: 'of ada' });
  await house.write('shared', 1, { user: 'ada', text: 'of ada' });
  await house.write('shared', 1, { user: 'bob', text: 'of bob' });

  await using bob = await RawSocket.open(house.url, { token: 'bob' });
  bob.send({ t: 'sub', s: 'run:r1', from: 'start' });
  const foreign = await bob.first('err');
  bob.send({ t: 'sub', s: 'run:never', from: 'start' });
  await bob.until('both refusals', () => (bob.all('err').length === 2 ? true : undefined));
  bob.send({ t: 'sub', s: 'run:shared', from: 'start' });
  await bob.first('end');

  const unknown = bob.all('err')[1];
  expect(foreign).toMatchObject({ s: 'run:r1', err: { code: 'NOT_FOUND', details: { what: 'run', id: 'r1' } } });
  expect(Object.keys(unknown?.err ?? {})).toEqual(Object.keys(foreign.err));
  expect(JSON.stringify(bob.frames)).not.toContain('of ada');
  expect(bob.events('run:shared').map(({ data }) => data)).toContainEqual({ message: 'm0', delta: 'of bob' });
});

test('N2: two users who follow live runs of one id see their own, also while both are written', async () => {
  await using house = await BridgeHouse.open();
  const [mine, theirs] = [await house.accept('same', 'ada'), await house.accept('same', 'bob')];
  const hello = { subs: [{ s: 'run:same', from: 'start' }] };
  await using ada = await RawSocket.open(house.url, { token: 'ada', hello });
  await using bob = await RawSocket.open(house.url, { token: 'bob', hello });

  await Promise.all([writeDeltas(mine, 40, 'of ada'), writeDeltas(theirs, 20, 'of bob')]);
  await mine.emit('agent_completed', { result: 'of ada' });
  const end = await ada.first('end');
  await theirs.emit('agent_completed', { result: 'of bob' });

  expect(end.seq).toBe(42);
  expect((await bob.first('end')).seq).toBe(22);
  expect(JSON.stringify(ada.frames)).not.toContain('of bob');
  expect(JSON.stringify(bob.frames)).not.toContain('of ada');
});

test('a stream name that is no id is an unknown run', async () => {
  await using house = await BridgeHouse.open();
  await using socket = await RawSocket.open(house.url);

  socket.send({ t: 'sub', s: 'run:', from: 'start' });

  expect(await socket.first('err')).toMatchObject({ s: 'run:', err: { code: 'NOT_FOUND' } });
});

test('subscriptions of a user are limited over all connections, and a connection that is refused one lives', async () => {
  await using house = await BridgeHouse.open({ limits: { subscriptionsPerUser: 2 } });
  for (const run of ['r1', 'r2', 'r3']) await house.accept(run);
  await using one = await RawSocket.open(house.url, { hello: { subs: [{ s: 'run:r1', from: 'live' }] } });
  await using two = await RawSocket.open(house.url, {
    hello: {
      subs: [
        { s: 'run:r2', from: 'live' },
        { s: 'run:r3', from: 'live' },
      ],
    },
  });

  const refusal = await two.first('err');
  one.send({ t: 'unsub', s: 'run:r1' });
  one.send({ t: 'ping', n: 1 });
  await one.first('pong');
  two.send({ t: 'sub', s: 'run:r3', from: 'start' });

  expect(refusal).toMatchObject({
    s: 'run:r3',
    err: { code: 'LIMIT_REACHED', details: { limit: 'subscriptionsPerUser', max: 2 } },
  });
  await two.until('the events of r3', () => (two.seqs('run:r3').length === 1 ? true : undefined));
  expect(house.bridge.health().subscriptions).toBe(2);
});

test('a run that is deleted while it is followed ends as unknown', async () => {
  await using house = await BridgeHouse.open();
  await house.write('r1', 2_000, { text: 'long enough to be read in pages'.repeat(4) });
  await using socket = await RawSocket.open(house.url, {
    hello: { window: 4_096, subs: [{ s: 'run:r1', from: 'start' }] },
  });
  await socket.first('ev');

  await house.store.for(owner()).runs.delete(runId('r1'));
  socket.send({ t: 'ack', c: { 'run:r1': 2_002 } });

  expect(await socket.first('err')).toMatchObject({ s: 'run:r1', err: { code: 'NOT_FOUND' } });
});

test('the subprotocol is echoed, and compression is not offered', async () => {
  await using house = await BridgeHouse.open();
  const socket = new WebSocket(house.url, [SUBPROTOCOL, 'other'], { headers: { authorization: 'Bearer ada' } });

  await once(socket, 'open');

  expect(socket.protocol).toBe(SUBPROTOCOL);
  expect(socket.extensions).toBe('');
  socket.terminate();
});
