import { once } from 'node:events';
import { request, type IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';

import { expect, test } from 'vitest';

import { BridgeHouse, owner, writeDeltas } from '../../test/support/bridge-house.ts';
import { RawSocket } from '../../test/support/raw-socket.ts';
import { until } from '../../test/support/until.ts';
import { runId } from '../context/ids.ts';

test('a whole run is sent from the start, with its count and CRC', async () => {
  await using house = await BridgeHouse.open();
  await house.write('r1', 100);

  await using socket = await RawSocket.open(house.url, { hello: { subs: [{ s: 'run:r1', from: 'start' }] } });
  const end = await socket.first('end');

  const log = await house.store.for(owner()).log.head(runId('r1'));
  expect(socket.seqs('run:r1')).toEqual(Array.from({ length: 102 }, (_, index) => index + 1));
  expect(end).toEqual({
    t: 'end',
    s: 'run:r1',
    seq: 102,
    n: 102,
    status: 'completed',
    crc: log?.crc.toString(16).padStart(8, '0'),
  });
});

test('B3: whoever is not signed in gets 401 before the upgrade, in the one JSON form', async () => {
  await using house = await BridgeHouse.open();

  const answer = await upgrade(house, { path: '/ws' });

  expect(answer.status).toBe(401);
  expect(answer.headers['www-authenticate']).toBe('Bearer');
  expect(JSON.parse(answer.body)).toMatchObject({
    code: 'UNAUTHENTICATED',
    cure: expect.any(String),
    retry: 'no',
    ref: expect.any(String),
  });
  expect(house.resources.remaining('socket')).toEqual([]);
});

test('B3: whoever may not come in gets 403 before the upgrade', async () => {
  await using house = await BridgeHouse.open();

  const answer = await upgrade(house, { path: '/ws', authorization: 'Bearer mallory' });

  expect(answer.status).toBe(403);
  expect(JSON.parse(answer.body)).toMatchObject({ code: 'FORBIDDEN' });
});

test('upgrades of other paths are left to other listeners', async () => {
  await using house = await BridgeHouse.open();
  house.server.on('upgrade', (message: IncomingMessage, socket: Duplex) => {
    if (message.url === '/theirs') socket.end('HTTP/1.1 418 Theirs\r\nContent-Length: 0\r\nConnection: close\r\n\r\n');
  });

  const answer = await upgrade(house, { path: '/theirs' });

  expect(answer.status).toBe(418);
});

test('an upgrade of a path that nobody serves is answered with 404', async () => {
  await using house = await BridgeHouse.open();

  const answer = await upgrade(house, { path: '/nowhere' });

  expect(answer.status).toBe(404);
  expect(JSON.parse(answer.body)).toMatchObject({ code: 'NOT_FOUND', details: { what: 'socket', id: '/nowhere' } });
});

test('a door that was detached takes no more sockets, and those that are open go on', async () => {
  await using house = await BridgeHouse.open();
  const second = house.bridge.attach(house.server, { ...house.door, path: '/second' });
  await using socket = await RawSocket.open(house.url.replace('/ws', '/second'));

  await second[Symbol.asyncDispose]();
  const answer = await upgrade(house, { path: '/second', authorization: 'Bearer ada' });
  socket.send({ t: 'ping', n: 1 });

  expect(answer.status).toBe(404);
  expect(await socket.first('pong')).toEqual({ t: 'pong', n: 1 });
});

test('twenty sockets of one user see the same, and one more is refused with 4429', async () => {
  await using house = await BridgeHouse.open();
  const emitter = await house.accept('r1');
  await using open = new AsyncDisposableStack();
  const sockets: RawSocket[] = [];
  for (let count = 0; count < 20; count += 1) {
    sockets.push(open.use(await RawSocket.open(house.url, { hello: { subs: [{ s: 'run:r1', from: 'start' }] } })));
  }
  await using refused = await RawSocket.open(house.url, { hello: false });
  await using another = await RawSocket.open(house.url, { token: 'bob' });

  await writeDeltas(emitter, 50);
  await emitter.emit('agent_completed', { result: null });
  const ends = await Promise.all(sockets.map((socket) => socket.first('end')));

  expect(await refused.closed).toMatchObject({ code: 4429 });
  expect(await refused.first('err')).toMatchObject({ err: { details: { limit: 'socketsPerUser', max: 20 } } });
  expect(new Set(ends.map(({ crc }) => crc)).size).toBe(1);
  for (const socket of sockets) expect(socket.events('run:r1')).toEqual(sockets[0]?.events('run:r1'));
  expect(another.frames.map(({ t }) => t)).toEqual(['ready']);
});

test('B4: close says drain, sends what is known, closes with 1012 and leaves nothing open', async () => {
  await using house = await BridgeHouse.open();
  const emitter = await house.accept('r1');
  await using socket = await RawSocket.open(house.url, { hello: { subs: [{ s: 'run:r1', from: 'start' }] } });
  await writeDeltas(emitter, 10);
  await emitter.close();

  const closing = house.bridge.close();
  const again = house.bridge.close();

  expect(await socket.closed).toMatchObject({ code: 1012 });
  await closing;
  expect(again).toBe(closing);
  expect(await socket.first('drain')).toEqual({ t: 'drain', in: [500, 1_001], why: 'restart' });
  expect(socket.seqs('run:r1')).toHaveLength(11);
  expect(house.resources.remaining()).toEqual([]);
  expect(house.bridge.health()).toEqual({ connections: 0, subscriptions: 0, followers: 0 });
});

test('B4: close does not wait for a peer that reads nothing and answers nothing', async () => {
  await using house = await BridgeHouse.open();
  await house.write('r1', 400, { text: 'x'.repeat(30_000) });
  await using socket = await RawSocket.open(house.url, {
    hello: { window: 100_000_000, subs: [{ s: 'run:r1', from: 'start' }] },
  });
  socket.socket.pause();

  await house.bridge.close();

  expect(house.resources.remaining()).toEqual([]);
});

test('a bridge that is closed takes no door', async () => {
  await using house = await BridgeHouse.open();
  await house.bridge.close();

  expect(() => house.bridge.attach(house.server, house.door)).toThrow(expect.objectContaining({ code: 'CLOSED' }));
});

test('a user who signs out loses every connection with 4401, and nobody else does', async () => {
  await using house = await BridgeHouse.open();
  await using one = await RawSocket.open(house.url);
  await using two = await RawSocket.open(house.url);
  await using other = await RawSocket.open(house.url, { token: 'bob' });

  await house.bridge.closeUser(owner('ada'));
  other.send({ t: 'ping', n: 1 });

  expect(await one.closed).toMatchObject({ code: 4401 });
  expect(await two.closed).toMatchObject({ code: 4401 });
  expect(await other.first('pong')).toEqual({ t: 'pong', n: 1 });
  expect(house.bridge.health().connections).toBe(1);
});

test('a peer that breaks off while it is signed in is forgotten', async () => {
  const { promise: asked, resolve: arrived } = Promise.withResolvers<void>();
  const { promise: held, resolve: release } = Promise.withResolvers<void>();
  await using house = await BridgeHouse.open();
  const slow = house.bridge.attach(house.server, {
    ...house.door,
    path: '/slow',
    authenticate: async (message) => {
      arrived();
      await held;
      return house.door.authenticate(message);
    },
  });
  const socket = request({ port: house.port, path: '/slow', headers: upgradeHeaders('Bearer ada') });
  socket.on('error', () => undefined).end();
  await asked;

  socket.destroy();
  await until('the server has seen it go', () => socket.destroyed);
  release();
  await slow[Symbol.asyncDispose]();

  await until('nothing of it is left', () => house.resources.remaining('socket').length === 0);
});

test('health counts connections, subscriptions and followers', async () => {
  await using house = await BridgeHouse.open();
  await house.accept('r1');
  await using socket = await RawSocket.open(house.url, { hello: { subs: [{ s: 'run:r1', from: 'start' }] } });
  const follower = house.bridge.follow(owner(), runId('r1'), 0);
  await follower.next();
  expect(socket.frames.length).toBeGreaterThan(0);

  expect(house.bridge.health()).toEqual({ connections: 1, subscriptions: 1, followers: 1 });
  await follower.return();
  expect(house.bridge.health().followers).toBe(0);
});

interface Answer {
  readonly status: number | undefined;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

function upgradeHeaders(authorization: string | undefined): Record<string, string> {
  return {
    connection: 'Upgrade',
    upgrade: 'websocket',
    'sec-websocket-version': '13',
    'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
    'sec-websocket-protocol': 'enginehouse.v1',
    ...(authorization === undefined ? {} : { authorization }),
  };
}

/** Asks for an upgrade and gives the plain answer to it. */
async function upgrade(
  house: BridgeHouse,
  { path, authorization }: { path: string; authorization?: string },
): Promise<Answer> {
  const asked = request({ port: house.port, path, headers: upgradeHeaders(authorization) }).end();
  const [response] = (await once(asked, 'response')) as [IncomingMessage];
  let body = '';
  for await (const chunk of response) body += String(chunk);
  return { status: response.statusCode, headers: response.headers, body };
}
