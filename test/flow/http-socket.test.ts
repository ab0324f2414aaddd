import { once } from 'node:events';

import { expect, onTestFinished, test } from 'vitest';
import { WebSocket, type ClientOptions } from 'ws';

import { systemClock } from '../../src/base/clock.ts';
import { signToken } from '../../src/server/token.ts';
import { openHouse, SECRET, type House } from './http-house.ts';

/** How an upgrade is answered: `open`, or its status. */
async function knock({ url }: House, options: ClientOptions): Promise<string | number> {
  const socket = new WebSocket(`${url.replace('http', 'ws')}/ws`, 'enginehouse.v1', options);
  onTestFinished(() => socket.terminate());
  return new Promise((resolve, reject) => {
    socket.on('open', () => resolve('open'));
    socket.on('unexpected-response', (_request, response) => resolve(response.statusCode ?? 0));
    socket.on('error', reject);
  });
}

const bearer = async (user: string, secret = SECRET) => ({
  Authorization: `Bearer ${await signToken(secret, { userId: user, expiresInMs: 60_000 }, systemClock)}`,
});

test('a socket is opened with a token, and with nothing less', async () => {
  await using house = await openHouse();

  expect(await knock(house, { headers: await bearer('ada') })).toBe('open');
  expect(await knock(house, {})).toBe(401);
  expect(await knock(house, { headers: await bearer('ada', 'x'.repeat(32)) })).toBe(401);
  expect(await knock(house, { headers: await bearer('ada'), origin: 'https://evil.example' })).toBe(403);
});

test('development mode opens sockets for pages of this server only, under its own name', async () => {
  await using house = await openHouse({ auth: {} });
  const port = house.runtime.address?.port;

  expect(await knock(house, {})).toBe('open');
  expect(await knock(house, { origin: house.url })).toBe('open');
  expect(await knock(house, { origin: 'https://evil.example' })).toBe(403);
  expect(await knock(house, { headers: { Host: `evil.example:${port}` }, origin: `http://evil.example:${port}` })).toBe(
    403,
  );
});

test('a command over a socket has the effect that it has over HTTP, once for each id', async () => {
  await using house = await openHouse();
  const socket = new WebSocket(`${house.url.replace('http', 'ws')}/ws`, 'enginehouse.v1', {
    headers: await bearer('ada'),
  });
  onTestFinished(() => socket.terminate());
  const answers = new Map<string, Record<string, unknown>[]>();
  socket.on('message', (data: Buffer) => {
    const frame = JSON.parse(data.toString());
    if (frame.t === 'res') answers.set(frame.id, [...(answers.get(frame.id) ?? []), frame]);
  });
  await once(socket, 'open');
  const send = (frame: unknown): void => socket.send(JSON.stringify(frame));

  send({ t: 'hello', v: 1 });
  const start = { t: 'cmd', id: 'r1', op: 'run.start', a: { agent: 'sleeper', input: null } };
  send(start);
  send(start);
  send({
    t: 'cmd',
    id: 'deep',
    op: 'run.start',
    a: { agent: 'sleeper', input: JSON.parse('['.repeat(200) + ']'.repeat(200)) },
  });
  await expect.poll(() => answers.get('r1')?.length).toBe(2);
  send({ t: 'cmd', id: 'c1', op: 'run.cancel', a: { runId: 'r1', reason: 'enough' } });
  send({ t: 'cmd', id: 'c2', op: 'run.cancel', a: { runId: 'nobody' } });
  await expect.poll(() => [...answers.keys()].toSorted()).toEqual(['c1', 'c2', 'deep', 'r1']);

  const at = { s: 'run:r1', seq: 1 };
  expect(answers.get('r1')).toEqual([
    { t: 'res', id: 'r1', ok: true, at },
    { t: 'res', id: 'r1', ok: true, at },
  ]);
  expect(answers.get('deep')).toMatchObject([{ ok: false, err: { code: 'INPUT_INVALID' } }]);
  expect(answers.get('c1')).toMatchObject([{ ok: true, at: { s: 'run:r1' } }]);
  expect(answers.get('c2')).toMatchObject([{ ok: false, err: { code: 'NOT_FOUND' } }]);
  const record = async () => (await house.as('ada')('/api/runs/r1')).json();
  await expect
    .poll(record)
    .toMatchObject({ runId: 'r1', threadId: 'r1', status: 'cancelled', reason: 'enough', by: 'ada' });
});
