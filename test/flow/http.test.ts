import { expect, test } from 'vitest';

import { defineAgent } from '../../src/agent/define-agent.ts';
import { signToken } from '../../src/server/token.ts';
import { TestClock } from '../../src/testing/test-clock.ts';
import { json, openHouse, runToEnd, SECRET } from './http-house.ts';

const ERROR = {
  code: expect.any(String),
  message: expect.any(String),
  cure: expect.any(String),
  retry: expect.any(String),
  ref: expect.any(String),
};

test('health says that the server lives, and is ready when an event made its way', async () => {
  await using house = await openHouse();

  const live = await fetch(`${house.url}/health/live`);
  const ready = await fetch(`${house.url}/health/ready`);

  expect([live.status, await live.json()]).toEqual([200, { ok: true, version: expect.any(String) }]);
  expect([ready.status, await ready.json()]).toEqual([200, { ok: true, ms: expect.any(Number) }]);
});

test('the agents of the application are listed, and none of ours', async () => {
  await using house = await openHouse();

  const answer = await house.as('ada')('/api/agents');

  const { agents } = await answer.json();
  expect(agents).toEqual([
    { name: 'greeter', version: '1', description: 'Greets.' },
    { name: 'scribe', version: '1', description: '' },
    { name: 'breaker', version: '1', description: '' },
    { name: 'sleeper', version: '1', description: '' },
  ]);
});

test('a run is started, and its record says how it ended', async () => {
  await using house = await openHouse();
  const ada = house.as('ada');

  const started = await ada(
    '/api/runs',
    json({ agent: 'greeter', input: { name: 'Ada' }, runId: 'r1', threadId: 't1' }),
  );
  const answer = await started.json();
  await runToEnd(ada, 'greeter', { name: 'Ada' }, 'r1');
  const record = await (await ada('/api/runs/r1')).json();

  expect(started.status).toBe(202);
  expect(started.headers.get('location')).toBe('/api/runs/r1');
  expect(answer).toEqual({ runId: 'r1', threadId: 't1', status: expect.any(String), at: { s: 'run:r1', seq: 1 } });
  expect(record).toEqual({
    runId: 'r1',
    threadId: 't1',
    agent: 'greeter',
    version: '1',
    status: 'completed',
    head: expect.any(Number),
    epoch: expect.any(String),
    crc: expect.stringMatching(/^[0-9a-f]{8}$/),
    origin: 'request',
    acceptedAt: expect.any(Number),
    endedAt: expect.any(Number),
    result: { text: 'Hello, Ada' },
  });
});

test('a run that failed says its error', async () => {
  await using house = await openHouse();
  const ada = house.as('ada');

  await runToEnd(ada, 'breaker', null, 'r1');

  expect(await (await ada('/api/runs/r1')).json()).toMatchObject({
    status: 'failed',
    error: { ...ERROR, code: 'AGENT_THREW' },
  });
});

test('the Idempotency-Key is the run where none is named, and repeating it starts nothing', async () => {
  await using house = await openHouse();
  const ada = house.as('ada');
  const start = () =>
    ada('/api/runs', json({ agent: 'greeter', input: { name: 'Ada' } }, { 'Idempotency-Key': 'once' }));

  const first = await (await start()).json();
  const second = await (await start()).json();
  const other = await ada(
    '/api/runs',
    json({ agent: 'greeter', input: { name: 'Bob' } }, { 'Idempotency-Key': 'once' }),
  );

  expect(first).toMatchObject({ runId: 'once', threadId: 'once' });
  expect(second).toMatchObject({ runId: 'once', at: first.at });
  expect([other.status, await other.json()]).toEqual([409, expect.objectContaining({ code: 'RUN_ID_CONFLICT' })]);
});

test('a run is cancelled, and cancelling it again has the same answer', async () => {
  await using house = await openHouse();
  const ada = house.as('ada');
  await ada('/api/runs', json({ agent: 'sleeper', runId: 'r1' }));

  const cancel = () => ada('/api/runs/r1/cancel', json({ reason: 'enough' }, { 'Idempotency-Key': 'c1' }));
  const first = await cancel();
  const second = await cancel();
  await runToEnd(ada, 'sleeper', null, 'r1');
  const late = await ada('/api/runs/r1/cancel', { method: 'POST' });

  const at = await first.json();
  expect(first.status).toBe(202);
  expect(at).toEqual({ at: { s: 'run:r1', seq: expect.any(Number) } });
  expect(await second.json()).toEqual(at);
  const record = await (await ada('/api/runs/r1')).json();
  expect(record).toMatchObject({ status: 'cancelled', reason: 'enough', by: 'ada' });
  expect(late.status).toBe(202);
});

test('runs are listed newest first, page by page', async () => {
  await using house = await openHouse();
  const ada = house.as('ada');
  const ids = ['r1', 'r2', 'r3', 'r4', 'r5'];
  for (const id of ids) await runToEnd(ada, 'greeter', { name: 'Ada' }, id);

  const seen: string[] = [];
  let query = '?limit=2';
  for (let page = 0; page < 5 && query !== ''; page += 1) {
    const { runs, next } = await (await ada(`/api/runs${query}`)).json();
    seen.push(...runs.map((run: { runId: string }) => run.runId));
    query = next === undefined ? '' : `?limit=2&cursor=${next}`;
  }

  expect(seen.toSorted()).toEqual(ids);
  expect(await (await ada('/api/runs?status=failed')).json()).toEqual({ runs: [] });
  expect((await (await ada('/api/runs?threadId=r3')).json()).runs).toHaveLength(1);
});

test.each(['a/b', '100%', 'a b?c#d', 'ünï', '%2F', '...', 'run:1'])('a run may be called %j', async (id) => {
  await using house = await openHouse();
  const ada = house.as('ada');

  await runToEnd(ada, 'greeter', { name: 'Ada' }, id);

  expect(await (await ada(`/api/runs/${encodeURIComponent(id)}`)).json()).toMatchObject({
    runId: id,
    status: 'completed',
  });
});

interface Door {
  readonly path: string;
  readonly init?: RequestInit;
}

const DOORS: readonly Door[] = [
  { path: '/api/runs/r1' },
  { path: '/api/runs/r1/events' },
  { path: '/api/runs/r1/events', init: { headers: { Accept: 'text/event-stream' } } },
  { path: '/api/runs/r1/cancel', init: { method: 'POST' } },
  { path: '/api/artifacts?runId=r1' },
  { path: '/api/artifacts?title=x&runId=r1', init: { method: 'POST', body: 'mine' } },
];

const MORE_DOORS: readonly Door[] = [
  { path: '/api/agents' },
  { path: '/api/runs' },
  { path: '/api/runs', init: json({ agent: 'greeter' }) },
  { path: '/api/nothing' },
  { path: '/api/artifacts/a1' },
  { path: '/api/artifacts/a1', init: { method: 'DELETE' } },
  ...DOORS,
];

test.each(DOORS)('$path of somebody else is not there: the answer is that of an unknown id', async ({ path, init }) => {
  await using house = await openHouse();
  await runToEnd(house.as('ada'), 'greeter', { name: 'Ada' }, 'r1');

  const foreign = await house.as('bob')(path, init);
  const unknown = await house.as('bob')(path.replace('r1', 'r2'), init);

  const told = await foreign.json();
  expect(foreign.status).toBe(404);
  expect(told).toEqual({ ...ERROR, code: 'NOT_FOUND', details: { what: 'run', id: 'r1' } });
  expect({ ...(await unknown.json()), ref: told.ref }).toEqual(JSON.parse(JSON.stringify(told).replaceAll('r1', 'r2')));
  expect([...foreign.headers.keys()]).toEqual([...unknown.headers.keys()]);
});

test('a list shows nothing of anybody else, and the same id is another run', async () => {
  await using house = await openHouse();
  await runToEnd(house.as('ada'), 'greeter', { name: 'Ada' }, 'r1');

  expect(await (await house.as('bob')('/api/runs')).json()).toEqual({ runs: [] });
  await runToEnd(house.as('bob'), 'greeter', { name: 'Bob' }, 'r1');
  expect(await (await house.as('ada')('/api/runs/r1')).json()).toMatchObject({ result: { text: 'Hello, Ada' } });
});

test.each(MORE_DOORS)('$path is not answered to somebody unknown', async ({ path, init }) => {
  await using house = await openHouse();

  const answer = await fetch(house.url + path, init);

  expect(answer.status).toBe(401);
  expect(answer.headers.get('www-authenticate')).toBe('Bearer');
  expect(await answer.json()).toEqual({ ...ERROR, code: 'UNAUTHENTICATED', details: { reason: 'there is no token' } });
});

test('an expired token, one of another secret and one in the address are refused', async () => {
  await using house = await openHouse();
  const past = new TestClock(1_000_000);
  const expired = await signToken(SECRET, { userId: 'ada', expiresInMs: 1_000 }, past);
  const other = await signToken('x'.repeat(32), { userId: 'ada', expiresInMs: 1_000 }, past);
  const reason = async (token: string) => {
    const answer = await fetch(`${house.url}/api/runs`, { headers: { Authorization: `Bearer ${token}` } });
    return [answer.status, (await answer.json()).details.reason];
  };

  expect(await reason(expired)).toEqual([401, 'the token has expired']);
  expect(await reason(other)).toEqual([401, 'the signature does not match']);
  expect((await fetch(`${house.url}/api/runs?access_token=${expired}`)).status).toBe(401);
});

test.each([
  ['is no JSON', { body: '{"agent":' }, 'REQUEST_INVALID', 400],
  ['is not UTF-8', { body: new Uint8Array([0x22, 0xff, 0x22]) }, 'REQUEST_INVALID', 400],
  ['is empty', { body: '' }, 'REQUEST_INVALID', 400],
  ['is no object', { body: '[1]' }, 'REQUEST_INVALID', 400],
  ['has an unknown key', { body: '{"agent":"greeter","imput":1}' }, 'REQUEST_INVALID', 400],
  ['has no agent', { body: '{"input":1}' }, 'REQUEST_INVALID', 400],
  ['names a malformed run', { body: '{"agent":"greeter","input":{"name":"x"},"runId":""}' }, 'ID_INVALID', 400],
  [
    'names a run that no address can hold',
    { body: '{"agent":"greeter","input":{"name":"x"},"runId":".."}' },
    'REQUEST_INVALID',
    400,
  ],
  [
    'has a key that no address can hold',
    { body: '{"agent":"greeter"}', headers: { 'Idempotency-Key': '.' } },
    'REQUEST_INVALID',
    400,
  ],
  ['names an unknown agent', { body: '{"agent":"nobody"}' }, 'AGENT_UNKNOWN', 404],
  ['does not match the schema', { body: '{"agent":"greeter","input":{"name":7}}' }, 'INPUT_INVALID', 400],
  [
    'nests without end',
    { body: `{"agent":"breaker","input":${'['.repeat(50_000)}${']'.repeat(50_000)}}` },
    'INPUT_INVALID',
    400,
  ],
  [
    'is a form of another site',
    { body: '{"agent":"greeter"}', headers: { 'Content-Type': 'text/plain' } },
    'REQUEST_INVALID',
    400,
  ],
  ['is larger than allowed', { body: `"${'x'.repeat(110_000)}"` }, 'TOO_LARGE', 413],
])('a body that %s is refused', async (_what, init, code, status) => {
  await using house = await openHouse({ limits: { requestBytes: 110_000 } });
  const headers = { 'Content-Type': 'application/json', ...('headers' in init ? init.headers : {}) };

  const answer = await house.as('ada')('/api/runs', { method: 'POST', body: init.body, headers });

  expect([answer.status, await answer.json()]).toEqual([status, { ...ERROR, code, details: expect.anything() }]);
});

test('a body without a length is measured as it comes', async () => {
  await using house = await openHouse({ limits: { requestBytes: 1_024 } });
  let sent = 0;
  const endless = new ReadableStream({
    pull: (controller) => {
      sent += 1;
      controller.enqueue(new Uint8Array(512).fill(0x20));
    },
  });

  const answer = await house.as('ada')('/api/runs', {
    method: 'POST',
    body: endless,
    duplex: 'half',
    headers: { 'Content-Type': 'application/json' },
  } as RequestInit);

  expect([answer.status, await answer.json()]).toMatchObject([
    413,
    { code: 'TOO_LARGE', details: { limitBytes: 1_024 } },
  ]);
  expect(sent).toBeLessThan(10_000);
});

test.each([
  ['/api/runs?limit=0'],
  ['/api/runs?limit=1e3'],
  ['/api/runs?limit=101'],
  ['/api/runs?cursor=x'],
  ['/api/runs?status=asleep'],
  ['/api/runs?limt=5'],
  ['/api/runs/r1/events?after=-1'],
  ['/api/runs/r1/events?after=99999'],
  ['/api/artifacts'],
])('the query of %s is refused with what is wrong', async (path) => {
  await using house = await openHouse();
  const ada = house.as('ada');
  await runToEnd(ada, 'greeter', { name: 'Ada' }, 'r1');

  const answer = await ada(path);

  const error = await answer.json();
  expect([answer.status, error.code]).toEqual([400, 'REQUEST_INVALID']);
  expect(error.details.issues).toHaveLength(1);
});

test('a fault of the server is told without its words', async () => {
  const validate = () => {
    throw new Error('cannot reach postgres://admin:hunter2@db');
  };
  const inputSchema = { '~standard': { version: 1, vendor: 'broken', validate } } as const;
  const agent = defineAgent({ name: 'broken', inputSchema, run: () => null });
  await using house = await openHouse({ agents: [agent] });

  const answer = await house.as('ada')('/api/runs', json({ agent: 'broken' }));

  const text = await answer.text();
  expect([answer.status, JSON.parse(text)]).toEqual([500, { ...ERROR, code: 'INTERNAL', details: {} }]);
  expect(text).not.toContain('hunter2');
});

test('an unknown path is not found, and a known one names its methods', async () => {
  await using house = await openHouse();
  const ada = house.as('ada');

  const unknown = await ada('/api/nothing');
  const wrong = await ada('/api/runs/r1/cancel', { method: 'PUT' });

  expect([unknown.status, await unknown.json()]).toMatchObject([
    404,
    { code: 'NOT_FOUND', details: { what: 'path', id: '/api/nothing' } },
  ]);
  expect([wrong.status, wrong.headers.get('allow')]).toEqual([405, 'POST']);
  expect(await wrong.json()).toMatchObject({
    code: 'METHOD_NOT_ALLOWED',
    details: { method: 'PUT', allowed: ['POST'] },
  });
});

test('every answer keeps a browser from guessing, framing and caching', async () => {
  await using house = await openHouse();

  for (const path of ['/api/agents', '/api/nothing', '/health/live']) {
    const { headers } = await house.as('ada')(path);
    expect(headers.get('x-content-type-options')).toBe('nosniff');
    expect(headers.get('x-frame-options')).toBe('DENY');
    expect(headers.get('referrer-policy')).toBe('no-referrer');
    expect(headers.get('cross-origin-resource-policy')).toBe('same-origin');
    expect(headers.get('cache-control')).toBe('no-store');
    expect(headers.get('content-security-policy')).toBe("default-src 'none'; frame-ancestors 'none'");
  }
});

test('a user whose queue is full is told when to come again', async () => {
  await using house = await openHouse({ limits: { runsPerUser: 1, queuePerUser: 0 } });
  const ada = house.as('ada');
  await ada('/api/runs', json({ agent: 'sleeper', runId: 'r1' }));

  const refused = await ada('/api/runs', json({ agent: 'sleeper', runId: 'r2' }));

  expect([refused.status, (await refused.json()).code]).toEqual([429, 'QUEUE_FULL']);
  await ada('/api/runs/r1/cancel', { method: 'POST' });
});
