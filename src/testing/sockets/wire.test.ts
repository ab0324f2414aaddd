import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';

import { expect, test } from 'vitest';

import { PlainServer } from '../../../test/support/plain-server.ts';
import { until } from '../../../test/support/until.ts';
import { withDeadline } from '../../base/deadline.ts';
import { systemClock } from '../../base/clock.ts';
import type { WebSocketLike } from '../../client/web-socket.ts';
import { TestClock } from '../test-clock.ts';
import { UserSockets } from './user-sockets.ts';
import { Wire } from './wire.ts';

test('W1: a cut is a reset, and both ends see it at once', async () => {
  await using server = await PlainServer.open();
  await using sockets = new UserSockets({ name: 'alice' });
  const ends = await open(sockets, server);
  const reset = once(last(server.accepted), 'error');

  await sockets.faults.cut();

  expect(ends.closed).toEqual([1006]);
  expect(await bounded('the reset', reset)).toMatchObject([{ code: 'ECONNRESET' }]);
});

test('W1: a cut drops what is under way, even where the server reads nothing', async () => {
  await using server = await PlainServer.open();
  await using sockets = new UserSockets({ name: 'alice' });
  const ends = await open(sockets, server);
  server.socket.pause();
  ends.socket.send('x'.repeat(8_000_000));

  await sockets.faults.cut();

  expect(ends.closed).toEqual([1006]);
});

test('W2: a cut after a frame lets exactly that frame through, though more came in the same chunk', async () => {
  await using server = await PlainServer.open();
  await using sockets = new UserSockets({ name: 'alice' });
  const ends = await open(sockets, server);
  const cut = sockets.faults.cut({ afterFrame: 2 });

  sendTogether(server, ['one', 'two', 'three', 'four']);
  server.socket.close(4000);
  await cut;

  expect(ends.texts).toEqual(['one', 'two']);
  expect(ends.closed).toEqual([1006]);
});

test('W3: half open, nothing passes and neither end is told, whatever either of them does', async () => {
  await using server = await PlainServer.open();
  await using sockets = new UserSockets({ name: 'alice' });
  const ends = await open(sockets, server);
  const heard = heardBy(server);
  await sockets.faults.halfOpen();

  sendTogether(server, ['lost']);
  ends.socket.send('lost too');
  ends.socket.close();
  await moment(server);
  expect([ends.texts, ends.closed, heard.texts, heard.closed]).toEqual([[], [], [], []]);
  expect(sockets.busy()).toBe(0);
  server.socket.terminate();
  await moment(server);
  expect(ends.closed).toEqual([]);

  await sockets.faults.heal();
  expect(ends.closed).toEqual([1006]);
});

test('W3: half open after a frame, that frame is the last', async () => {
  await using server = await PlainServer.open();
  await using sockets = new UserSockets({ name: 'alice' });
  const ends = await open(sockets, server);
  const halfOpen = sockets.faults.halfOpen({ afterFrame: 1 });

  sendTogether(server, ['one', 'two']);
  await halfOpen;
  sendTogether(server, ['three']);
  await moment(server);

  expect(ends.texts).toEqual(['one']);
  expect(ends.closed).toEqual([]);
});

test('slow, both directions pass at the speed of the clock, and the rest after healing, in order', async () => {
  await using server = await PlainServer.open();
  const clock = new TestClock();
  await using sockets = new UserSockets({ name: 'alice', clock });
  const ends = await open(sockets, server);
  const heard = heardBy(server);
  sockets.faults.slow({ bytesPerSecond: 2_000 });
  const toUser = numbered(98);
  const toServer = numbered(94);

  sendTogether(server, toUser);
  for (const text of toServer) ends.socket.send(text);
  await moment(server);
  // A frame is 100 bytes; as many pass at once, and then every 50 ms.
  expect([ends.texts.length, heard.texts.length]).toEqual([1, 1]);
  await clock.advance('1s');
  await until('what passed has arrived', () => sockets.busy() === 0);
  expect([ends.texts.length, heard.texts.length]).toEqual([21, 21]);

  await sockets.faults.heal();
  await until('the rest has arrived', () => ends.texts.length + heard.texts.length === 80);
  expect(ends.texts).toEqual(toUser);
  expect(heard.texts).toEqual(toServer);
});

test('slow in one direction, the other is as fast as ever', async () => {
  await using server = await PlainServer.open();
  await using sockets = new UserSockets({ name: 'alice', clock: new TestClock() });
  const ends = await open(sockets, server);
  const heard = heardBy(server);
  sockets.faults.slow({ bytesPerSecond: 1, direction: 'receiving' });

  ends.socket.send('x'.repeat(100_000));
  sendTogether(server, ['late']);

  await until('it has arrived', () => heard.texts.length === 1);
  expect(ends.texts).toEqual([]);
  sockets.faults.slow({ bytesPerSecond: 1, direction: 'sending' });
  await until('what was said last holds', () => ends.texts.length === 1);
});

test('a slow reader pushes back on the one who writes: it holds one chunk, and the kernel the rest', async () => {
  const accepted: Socket[] = [];
  const server = createServer((socket) => accepted.push(socket)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  await using closing = new AsyncDisposableStack();
  closing.defer(() => void server.close());
  const clock = new TestClock();
  const wire = new Wire({ clock, message: () => undefined });
  closing.defer(() => void wire.destroy());
  wire.slow(1_000, ['receiving']);
  wire.connect(server.address() as { port: number });
  let receivedBytes = 0;
  wire.on('data', (chunk: Buffer) => (receivedBytes += chunk.length));
  await until('it is accepted', () => accepted.length === 1);
  const writer = last(accepted);

  const block = Buffer.alloc(1_000_000);
  let writtenBytes = 0;
  while (!writer.writableNeedDrain && writtenBytes < 64 * block.length) {
    writtenBytes += block.length;
    if (!writer.write(block)) await orMoment(once(writer, 'drain'));
  }

  expect(writer.writableNeedDrain).toBe(true);
  expect(wire.bytesRead).toBeLessThanOrEqual(65_536);
  wire.free();
  await until('everything has come', () => receivedBytes === writtenBytes);
});

interface Ends {
  readonly socket: WebSocketLike;
  readonly texts: readonly string[];
  readonly closed: readonly number[];
}

/** A connection of the user's, with what was heard on it. */
async function open(sockets: UserSockets, server: PlainServer): Promise<Ends> {
  const socket = sockets.openWebSocket(server.url.replace('http', 'ws'), [], {});
  const texts: string[] = [];
  const closed: number[] = [];
  socket.addEventListener('message', ({ data }) => texts.push(String(data)));
  socket.addEventListener('close', ({ code }) => closed.push(code));
  const opened = new Promise<void>((resolve) => socket.addEventListener('open', resolve));
  await bounded('opening', opened);
  await until('the server has it', () => server.sockets.length > 0);
  return { socket, texts, closed };
}

function heardBy(server: PlainServer): { readonly texts: readonly string[]; readonly closed: readonly number[] } {
  const texts: string[] = [];
  const closed: number[] = [];
  server.socket.on('message', (data: Buffer) => texts.push(data.toString()));
  server.socket.on('close', (code) => closed.push(code));
  return { texts, closed };
}

/** In one write, so that they come in one chunk. */
function sendTogether(server: PlainServer, texts: readonly string[]): void {
  const connection = last(server.accepted);
  connection.cork();
  for (const text of texts) server.socket.send(text);
  connection.uncork();
}

/** Long enough for bytes to pass: another connection of the same server is opened, used and closed meanwhile. */
async function moment(server: PlainServer): Promise<void> {
  for (let time = 0; time < 3; time += 1) await bounded('a request', (await fetch(server.url)).text());
}

/** Whichever comes first; nothing may come. */
async function orMoment(what: Promise<unknown>): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  systemClock.after(20, resolve);
  await Promise.race([what, promise]);
}

function numbered(length: number): readonly string[] {
  return Array.from({ length: 40 }, (_each, nth) => `${nth}:`.padEnd(length, '.'));
}

function bounded<T>(what: string, work: Promise<T>): Promise<T> {
  return withDeadline(what, 5_000, systemClock, work);
}

function last<T>(items: readonly T[]): T {
  const item = items.at(-1);
  if (item === undefined) throw new Error('there is none');
  return item;
}
