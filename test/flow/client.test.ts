/** The client against the real thing: sockets and HTTP, with real tokens. */

import { expect, test } from 'vitest';

import { systemClock } from '../../src/base/clock.ts';
import { connect, type AgentEvent, type EnginehouseClient } from '../../src/client/index.ts';
import { signToken } from '../../src/server/token.ts';
import { openHouse, SECRET, type House } from './http-house.ts';

test('a run is started over the socket, shown and proven, and read again over HTTP', async () => {
  await using house = await openHouse();
  await using client = open(house);

  const run = client.start('greeter', { name: 'Ada' });
  const events: AgentEvent[] = [];
  for await (const event of run) events.push(event);
  const result = await run.result;
  const page = await client.events(run.id, 1);
  const details = await client.getRun(run.id);

  expect(events[0]?.type).toBe('run_accepted');
  expect(result).toMatchObject({ status: 'completed', result: { text: 'Hello, Ada' }, seq: events.length });
  expect(run.proof).toEqual({ n: events.length, crc: result.crc, verified: true });
  expect(page).toEqual({ events: events.slice(1), next: events.length, head: events.length, status: 'completed' });
  expect(details).toMatchObject({
    runId: run.id,
    status: 'completed',
    crc: result.crc,
    result: { text: 'Hello, Ada' },
  });
});

test('a run that fails and one that is cancelled say why', async () => {
  await using house = await openHouse();
  await using client = open(house);

  const failed = await client.start('breaker', null).result;
  const sleeping = client.start('sleeper', null);
  for await (const { type } of sleeping) if (type === 'agent_started') break;
  const position = await sleeping.cancel('enough');

  expect(failed).toMatchObject({ status: 'failed', error: { code: 'AGENT_THREW', ref: expect.any(String) } });
  expect(position.s).toBe(`run:${sleeping.id}`);
  expect(await sleeping.result).toMatchObject({ status: 'cancelled', reason: 'enough', by: 'ada' });
});

test('agents and runs are listed, page by page, each user for themselves', async () => {
  await using house = await openHouse();
  await using ada = open(house);
  await using bob = open(house, 'bob');
  for (const name of ['a', 'b', 'c']) await ada.start('greeter', { name }, { runId: name, threadId: 't1' }).result;

  const agents = await ada.agents();
  const first = await ada.runs({ limit: 2 });
  const second = await ada.runs({ limit: 2, cursor: first.next });

  expect(agents.find(({ name }) => name === 'greeter')).toMatchObject({ description: 'Greets.' });
  expect([...first.runs, ...second.runs].map(({ runId }) => runId)).toEqual(['c', 'b', 'a']);
  expect(second.next).toBeUndefined();
  expect((await bob.runs()).runs).toEqual([]);
  await expect(bob.getRun('a')).rejects.toMatchObject({ code: 'NOT_FOUND' });
  await expect(bob.events('a')).rejects.toMatchObject({ code: 'NOT_FOUND' });
});

test('a file goes up and comes down as it was', async () => {
  await using house = await openHouse();
  await using client = open(house);
  const content = new Blob(['time,tokens\n', '1,2\n'], { type: 'text/csv' });

  const kept = await client.uploadArtifact(content, { title: 'März & April.csv' });
  const streamed = await client.uploadArtifact(content.stream(), {
    title: 'two',
    mediaType: 'text/plain',
    kind: 'ledger',
  });
  const response = await client.artifact(kept.artifactId);

  expect(kept).toMatchObject({ title: 'März & April.csv', mediaType: 'text/csv', kind: 'file', bytes: content.size });
  expect(streamed).toMatchObject({ mediaType: 'text/plain', kind: 'ledger', digest: kept.digest });
  expect(await response.text()).toBe('time,tokens\n1,2\n');
  await expect(client.artifact('never')).rejects.toMatchObject({ code: 'NOT_FOUND' });
  await expect(client.uploadArtifact('x', { title: '' })).rejects.toMatchObject({ code: 'REQUEST_INVALID' });
});

test('an upload that is given up keeps nothing, and says so', async () => {
  await using house = await openHouse();
  await using client = open(house);
  const aborter = new AbortController();
  const endless = new ReadableStream<Uint8Array>({
    pull: (controller) => {
      controller.enqueue(new Uint8Array(1_000));
      aborter.abort(new Error('enough'));
    },
  });

  const uploading = client.uploadArtifact(endless, { title: 'endless', signal: aborter.signal });

  await expect(uploading).rejects.toMatchObject({ code: 'DISCONNECTED' });
});

test('a token that is wrong ends the client with the reason, at the socket and over HTTP', async () => {
  await using house = await openHouse();
  await using client = connect({ url: house.url, token: 'not a token' });

  await expect(client.start('greeter', { name: 'x' }).result).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
  await expect(client.agents()).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
});

test('a server that is gone is told as such over HTTP', async () => {
  const house = await openHouse();
  await using client = open(house);
  await house[Symbol.asyncDispose]();

  await expect(client.agents()).rejects.toMatchObject({ code: 'DISCONNECTED' });
});

test('what is no answer of the house is told as such', async () => {
  await using client = connect({
    url: 'http://127.0.0.1:9',
    fetch: async () => new Response('<html>', { status: 502 }),
  });

  await expect(client.runs()).rejects.toMatchObject({
    code: 'DISCONNECTED',
    details: { reason: '/api/runs was answered with 502' },
  });
});

function open(house: House, user = 'ada'): EnginehouseClient {
  return connect({
    url: house.url,
    token: () => signToken(SECRET, { userId: user, expiresInMs: 60_000 }, systemClock),
  });
}
