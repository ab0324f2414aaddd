import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { connect } from 'node:net';

import fastify from 'fastify';
import { expect, onTestFinished, test } from 'vitest';

import { signToken } from '../../src/server/token.ts';
import { systemClock } from '../../src/base/clock.ts';
import { TestClock } from '../../src/testing/test-clock.ts';
import { json, openHouse, SECRET } from './http-house.ts';

const headers = async () => ({
  Authorization: `Bearer ${await signToken(SECRET, { userId: 'ada', expiresInMs: 60_000 }, systemClock)}`,
});

async function addressOf(server: Server): Promise<string> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => server[Symbol.asyncDispose]());
  const address = server.address();
  return `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`;
}

test('a Fastify application keeps its routes and gains ours, and detaching restores it', async () => {
  await using house = await openHouse({ server: { listen: false } });
  const app = fastify();
  app.get('/', () => 'the shop');
  app.get('/api/stock', () => ({ otters: 3 }));
  app.get('/api/runs', () => 'the shop, again');
  await app.listen({ port: 0, host: '127.0.0.1' });
  onTestFinished(() => app.close());
  const url = app.listeningOrigin;
  const before = app.server.rawListeners('request');
  const attached = house.runtime.attach(app.server);

  expect(await (await fetch(url)).text()).toBe('the shop');
  expect(await (await fetch(`${url}/api/stock`)).json()).toEqual({ otters: 3 });
  expect((await fetch(`${url}/api/runs`)).status).toBe(401);
  expect(await (await fetch(`${url}/api/runs`, { headers: await headers() })).json()).toEqual({ runs: [] });
  expect((await fetch(`${url}/health/ready`)).status).toBe(200);
  const started = await fetch(`${url}/api/runs`, {
    ...json({ agent: 'greeter', input: { name: 'Ada' } }, await headers()),
  });
  expect(started.status).toBe(202);

  await attached[Symbol.asyncDispose]();
  expect(app.server.rawListeners('request')).toEqual(before);
  expect(await (await fetch(`${url}/api/runs`)).text()).toBe('the shop, again');
});

test('a plain server keeps its listener, and has it back when the runtime closes', async () => {
  const house = await openHouse({ server: { listen: false } });
  const server = createServer((incoming, outgoing) => void outgoing.end(`theirs: ${incoming.url}`));
  const before = ['request', 'upgrade', 'newListener'].map((event) => server.rawListeners(event));
  const url = await addressOf(server);
  house.runtime.attach(server);

  expect(await (await fetch(`${url}/assets/x`)).text()).toBe('theirs: /assets/x');
  expect((await fetch(`${url}/api/agents`, { headers: await headers() })).status).toBe(200);
  await house.runtime.close();

  expect(['request', 'upgrade', 'newListener'].map((event) => server.rawListeners(event))).toEqual(before);
  expect(await (await fetch(`${url}/api/agents`)).text()).toBe('theirs: /api/agents');
  expect(house.runtime.resources.remaining()).toEqual([]);
});

test('a server without an application serves our paths and no page', async () => {
  await using house = await openHouse({ server: { listen: false } });
  const server = createServer();
  const url = await addressOf(server);
  house.runtime.attach(server);

  const page = await fetch(url);

  expect((await fetch(`${url}/health/live`)).status).toBe(200);
  expect([page.status, (await page.json()).code]).toEqual([404, 'NOT_FOUND']);
});

test('closing frees the port, whatever is still connected', async () => {
  const house = await openHouse();
  const ada = house.as('ada');
  await ada('/api/runs', json({ agent: 'greeter', input: { name: 'Ada' } }));

  await house.runtime.close();

  await expect(fetch(`${house.url}/health/live`)).rejects.toThrow('fetch failed');
  expect(house.runtime.resources.remaining()).toEqual([]);
});

test('a connection that does not end by itself is cut when its time is over', async () => {
  const clock = new TestClock();
  const house = await openHouse({ clock });
  const port = house.runtime.address?.port ?? 0;
  const half = connect(port, '127.0.0.1');
  const idle = connect(port, '127.0.0.1');
  await Promise.all([once(half, 'connect'), once(idle, 'connect')]);
  const answered = once(half, 'data');
  half.write('GET /health/live HTTP/1.1\r\nHost: x\r\n\r\nPOST /api/runs HTTP/1.1\r\nHost:');
  await answered;

  const gone = once(idle, 'close');
  const closing = house.runtime.close();
  await gone;
  await expect.poll(() => clock.advance(100).then(() => half.closed)).toBe(true);

  await closing;
  expect(house.runtime.resources.remaining()).toEqual([]);
});
