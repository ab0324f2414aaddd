import { once } from 'node:events';
import { createServer, get, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

import { expect, test } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';

import { nextTurn } from '../base/next-turn.ts';
import { Activity } from './activity.ts';
import { HttpRequests } from './http-requests.ts';

interface Door extends AsyncDisposable {
  readonly server: Server;
  readonly url: string;
  readonly requests: HttpRequests;
}

async function door(answer: RequestListener): Promise<Door> {
  const server = createServer(answer);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const requests = HttpRequests.open(port);
  return {
    server,
    url: `http://127.0.0.1:${port}`,
    requests,
    [Symbol.asyncDispose]: async () => {
      requests.close();
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

function idle({ requests }: Door): Promise<void> {
  return new Activity([requests]).idle();
}

test('a request that is made and not awaited is under way until its answer is there', async () => {
  await using home = await door((_request, response) => setImmediate(() => response.end('hello')));
  const told: string[] = [];

  const asked = fetch(home.url).then(() => told.push('answered'));
  const atOnce = home.requests.busy();
  await idle(home);
  told.push('idle');

  expect([atOnce, told, home.requests.busy()]).toEqual([1, ['answered', 'idle'], 0]);
  await asked;
});

test('a handler at work is under way, from whichever client', async () => {
  const handlers: (() => void)[] = [];
  await using home = await door((_request, response) => void handlers.push(() => response.end()));
  const both = [
    fetch(home.url),
    new Promise<IncomingMessage>((resolve) => get(home.url, resolve)).then((answer) => answer.resume()),
  ];

  while (handlers.length < 2) await nextTurn();
  const counted = home.requests.busy();
  for (const answer of handlers) answer();
  await Promise.all(both);
  await idle(home);

  expect([counted, home.requests.busy()]).toEqual([2, 0]);
});

test.for(['fetch', 'node:http'] as const)('a request by %s that is given up, or refused, is over', async (by) => {
  const arrived = Promise.withResolvers<void>();
  await using home = await door(() => arrived.resolve());
  const leave = new AbortController();
  const ask = (url: string): Promise<unknown> =>
    by === 'fetch'
      ? fetch(url, { signal: leave.signal })
      : new Promise((_resolve, reject) => get(url, { signal: leave.signal }).on('error', reject));
  const givenUp = expect(ask(home.url)).rejects.toThrow('aborted');
  await arrived.promise;
  const before = home.requests.busy();

  leave.abort();
  await givenUp;
  await idle(home);
  using elsewhere = HttpRequests.open(1);
  await expect(fetch('http://127.0.0.1:1')).rejects.toThrow('fetch failed');

  expect([before, home.requests.busy(), elsewhere.busy()]).toEqual([1, 0, 0]);
});

test('a stream is under way while its bytes move, and not while it waits', async () => {
  const write: ((text: string) => void)[] = [];
  await using home = await door((_request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders();
    write.push((text) => response.write(text));
  });
  const leave = new AbortController();
  const answer = await fetch(home.url, { signal: leave.signal });
  await idle(home);
  const waits = home.requests.busy();

  write[0]?.('data: 1\n\n');
  const moves = home.requests.busy();
  await idle(home);

  expect([waits, moves, home.requests.busy()]).toEqual([0, 1, 0]);
  leave.abort();
  await expect(answer.text()).rejects.toThrow('aborted');
});

test('an answer of many pieces is read to its end before it is idle', async () => {
  const piece = Buffer.alloc(64 * 1_024, 'x');
  await using home = await door((_request, response) => {
    let left = 200;
    const more = (): void => {
      while (left > 0) {
        left -= 1;
        if (!response.write(piece)) return void response.once('drain', more);
      }
      response.end();
    };
    more();
  });
  let bytes = 0;

  const read = (async () => {
    for await (const part of (await fetch(home.url)).body ?? []) bytes += part.length;
  })();
  await idle(home);

  expect(bytes).toBe(200 * piece.length);
  await read;
});

test('a socket is a request until it is upgraded', async () => {
  await using home = await door((_request, response) => response.end());
  const sockets = new WebSocketServer({ noServer: true });
  home.server.on('upgrade', (request, socket, head) =>
    setImmediate(() => sockets.handleUpgrade(request, socket, head, () => undefined)),
  );
  const socket = new WebSocket(home.url.replace('http', 'ws'));
  const opening = home.requests.busy();
  await idle(home);

  expect([opening, socket.readyState, home.requests.busy()]).toEqual([1, WebSocket.OPEN, 0]);
  socket.terminate();
});

test('each sees its own port only, and nothing once it is closed', async () => {
  const held: (() => void)[] = [];
  const hold: RequestListener = (_request, response) => void held.push(() => response.end());
  await using one = await door(hold);
  await using two = await door(hold);
  const asked = [fetch(one.url), fetch(one.url), fetch(two.url)];
  while (held.length < 3) await nextTurn();

  const counted = [one.requests.busy(), two.requests.busy()];
  one.requests.close();
  one.requests.close();
  asked.push(fetch(one.url));
  while (held.length < 4) await nextTurn();

  expect([counted, one.requests.busy(), two.requests.busy()]).toEqual([[2, 1], 0, 1]);
  for (const answer of held) answer();
  await Promise.all(asked);
});
