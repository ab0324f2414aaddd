import { hasSubscribers } from 'node:diagnostics_channel';
import type { ServerResponse } from 'node:http';

import { expect, test } from 'vitest';

import { PlainServer } from '../../../test/support/plain-server.ts';
import { until } from '../../../test/support/until.ts';
import type { WebSocketLike } from '../../client/web-socket.ts';
import { Activity } from '../activity.ts';
import { UserSockets } from './user-sockets.ts';

test('U2: what one end has written is busy until the other has taken it, to the byte', async () => {
  await using server = await PlainServer.open();
  await using sockets = new UserSockets({ name: 'alice' });
  const socket = await open(sockets, server);
  expect(sockets.busy()).toBe(0);

  server.socket.send('x'.repeat(98));
  expect(sockets.busy()).toBe(100);
  socket.send('x'.repeat(44));
  expect(sockets.busy()).toBe(150);

  await idle(sockets);
  expect(sockets.received.map(({ text }) => text.length)).toEqual([98]);
});

test('U2: more than the kernel takes is busy to its end', async () => {
  await using server = await PlainServer.open();
  await using sockets = new UserSockets({ name: 'alice' });
  await open(sockets, server);

  server.socket.send('x'.repeat(4_000_000));

  expect(sockets.busy()).toBe(4_000_010);
  await idle(sockets);
  expect(sockets.receivedCount).toBe(1);
});

test('U2: what the other end does not read is not busy', async () => {
  await using server = await PlainServer.open();
  await using sockets = new UserSockets({ name: 'alice' });
  const socket = await open(sockets, server);
  server.socket.pause();

  socket.send('x');
  expect(sockets.busy()).toBe(0);
  server.socket.resume();
  expect(sockets.busy()).toBe(7);

  await idle(sockets);
});

test('U2: a connection that opens or closes is busy until both ends know', async () => {
  await using server = await PlainServer.open();
  await using sockets = new UserSockets({ name: 'alice' });
  const opening = open(sockets, server);
  expect(sockets.busy()).toBe(1);
  const socket = await opening;
  let closed = 0;
  socket.addEventListener('close', () => (closed += 1));

  server.socket.terminate();
  expect(sockets.busy()).toBe(1);
  await idle(sockets);

  expect(closed).toBe(1);
});

test('U2: a refused handshake leaves nothing busy', async () => {
  await using server = await PlainServer.open();
  await using sockets = new UserSockets({ name: 'alice' });
  server.refuseUpgrades();
  const closed = closing(begin(sockets, server));

  expect(sockets.busy()).toBe(1);
  expect(await closed).toBe(1006);
  await idle(sockets);
});

test('U2: a request is busy until its answer begins, and its bytes until they are taken', async () => {
  const answers: ServerResponse[] = [];
  await using server = await PlainServer.open((_incoming, outgoing) => void answers.push(outgoing));
  await using sockets = new UserSockets({ name: 'alice' });
  const asked = sockets.fetch(server.url);
  await until('it is asked', () => answers.length === 1);
  expect(sockets.busy()).toBe(1);

  const [answer] = answers;
  answer?.write('data: 1\n\n');
  const reader = (await asked).body?.getReader();
  await idle(sockets);
  answer?.write('data: 2\n\n');
  expect(sockets.busy()).toBeGreaterThan(9);
  await idle(sockets);

  answer?.write(Buffer.alloc(10_000_000));
  expect(sockets.busy()).toBeGreaterThan(1_000_000);
  // Nobody reads on: what is not taken waits for the test, not for time.
  await idle(sockets);
  await reader?.cancel();
});

test('a refused user opens nothing and asks nothing, until healed', async () => {
  await using server = await PlainServer.open();
  await using sockets = new UserSockets({ name: 'alice' });
  const socket = await open(sockets, server);
  sockets.faults.refuse();

  expect(await closing(begin(sockets, server))).toBe(1006);
  await expect(sockets.fetch(server.url)).rejects.toMatchObject({
    message: 'fetch failed',
    cause: { code: 'ECONNREFUSED' },
  });
  expect(server.accepted).toHaveLength(1);
  // What was open before still works.
  server.socket.send('still here');
  await until('it has come', () => sockets.receivedCount === 1);
  socket.close();

  await sockets.faults.heal();
  await open(sockets, server);
  expect((await sockets.fetch(server.url)).status).toBe(200);
});

test('a connection that is being opened is cut too', async () => {
  await using server = await PlainServer.open();
  await using sockets = new UserSockets({ name: 'alice' });
  const closed = closing(begin(sockets, server));

  await sockets.faults.cut();

  expect(await closed).toBe(1006);
  await idle(sockets);
});

test('a fault that did not happen says how many frames came, and where it was asked for', async () => {
  await using server = await PlainServer.open();
  await using sockets = new UserSockets({ name: 'alice' });
  await expect(sockets.faults.cut()).rejects.toMatchObject({
    code: 'FAULT_NOT_STRUCK',
    message: 'cut of alice did not happen because nothing is open: 0 frames came',
  });
  await open(sockets, server);
  const cut = sockets.faults.cut({ afterFrame: 2, timeoutMs: 50 });
  server.socket.send('one');

  await expect(cut).rejects.toMatchObject({
    code: 'FAULT_NOT_STRUCK',
    message: 'cut after frame 2 of alice did not happen within 50 ms: 1 frame came',
    details: { strikes: 0, times: 1, calls: 1 },
    cause: { stack: expect.stringContaining('user-sockets.test.ts') },
  });
});

test('a fault that still waits is listed, and healing or the end takes it back', async () => {
  await using server = await PlainServer.open();
  await using sockets = new UserSockets({ name: 'alice' });
  await open(sockets, server);
  const cut = sockets.faults.cut({ afterFrame: 2 });
  expect(sockets.faults.unstruck).toMatchObject([
    { code: 'FAULT_NOT_STRUCK', details: { fault: 'cut after frame 2 of alice' } },
  ]);

  await sockets.faults.heal();
  await expect(cut).rejects.toThrow('cut after frame 2 of alice did not happen before it was healed: 0 frames came');
  const halfOpen = sockets.faults.halfOpen({ afterFrame: 1 });
  await sockets.close();
  await expect(halfOpen).rejects.toThrow('before the end of the test');
  expect(sockets.faults.unstruck).toEqual([]);
});

test('a fault takes whole numbers only', async () => {
  const { faults } = new UserSockets({ name: 'alice' });

  await expect(faults.cut({ afterFrame: 0 })).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
  await expect(faults.halfOpen({ afterFrame: 1.5 })).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
  for (const bytesPerSecond of [0, Number.NaN, Infinity])
    expect(() => faults.slow({ bytesPerSecond })).toThrow('bytesPerSecond must be a number from 1 up');
});

test('U3: closed, nothing of it is open at either end, in whatever state it was', async () => {
  await using server = await PlainServer.open();
  const before = hasSubscribers('net.server.socket');
  await using sockets = new UserSockets({ name: 'alice' });
  await open(sockets, server);
  await sockets.faults.halfOpen();
  await open(sockets, server);
  sockets.faults.slow({ bytesPerSecond: 1 });
  await expect.poll(() => server.accepted.length).toBe(2);
  const opening = closing(begin(sockets, server));

  await sockets.close();
  await sockets.close();

  expect(await opening).toBe(1006);
  await until('the server has noticed', () => server.accepted.every(({ destroyed }) => destroyed));
  expect(sockets.busy()).toBe(0);
  expect(hasSubscribers('net.server.socket')).toBe(before);
  expect(() => begin(sockets, server)).toThrow(expect.objectContaining({ code: 'CLOSED' }));
  await expect(sockets.fetch(server.url)).rejects.toMatchObject({ code: 'CLOSED' });
});

test('an address that faults could not reach is refused', async () => {
  await using sockets = new UserSockets({ name: 'alice' });

  expect(() => sockets.openWebSocket('wss://localhost/ws', [], {})).toThrow(
    "the address of a test user's connection must begin with ws:// or http://, got wss://localhost/ws",
  );
});

function begin(sockets: UserSockets, server: PlainServer): WebSocketLike {
  return sockets.openWebSocket(server.url.replace('http', 'ws'), [], {});
}

async function open(sockets: UserSockets, server: PlainServer): Promise<WebSocketLike> {
  const known = server.sockets.length;
  const socket = begin(sockets, server);
  await new Promise<void>((resolve) => socket.addEventListener('open', resolve));
  await until('the server has it', () => server.sockets.length > known);
  return socket;
}

function closing(socket: WebSocketLike): Promise<number> {
  return new Promise((resolve) => socket.addEventListener('close', ({ code }) => resolve(code)));
}

function idle(sockets: UserSockets): Promise<void> {
  return new Activity([sockets]).idle();
}
