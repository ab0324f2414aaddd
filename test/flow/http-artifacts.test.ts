import { expect, test } from 'vitest';

import { openHouse, runToEnd, type House } from './http-house.ts';

type Caller = ReturnType<House['as']>;

async function upload(
  call: Caller,
  content: BodyInit,
  title = 'notes.txt',
  headers: Record<string, string> = { 'Content-Type': 'text/plain' },
) {
  const answer = await call(`/api/artifacts?title=${encodeURIComponent(title)}`, {
    method: 'POST',
    body: content,
    headers,
  });
  return { status: answer.status, headers: answer.headers, artifact: await answer.json() };
}

const TEN = '0123456789';

test('a file is kept, listed with its run, read and deleted', async () => {
  await using house = await openHouse();
  const ada = house.as('ada');
  await runToEnd(ada, 'greeter', { name: 'Ada' }, 'r1');

  const kept = await ada('/api/artifacts?title=notes.txt&kind=note&runId=r1', {
    method: 'POST',
    body: TEN,
    headers: { 'Content-Type': 'text/plain' },
  });
  const artifact = await kept.json();
  const path = `/api/artifacts/${artifact.artifactId}`;

  expect([kept.status, kept.headers.get('location')]).toEqual([201, path]);
  expect(artifact).toEqual({
    artifactId: expect.any(String),
    runId: 'r1',
    kind: 'note',
    title: 'notes.txt',
    mediaType: 'text/plain',
    createdAt: expect.any(Number),
    bytes: 10,
    digest: '84d89877f0d4041efb6bf91a16f0248f2fd573e6af05c19f96bedb9f882f7882',
  });
  expect(await (await ada('/api/artifacts?runId=r1')).json()).toEqual({ artifacts: [artifact] });
  expect(await (await ada(path)).text()).toBe(TEN);
  expect((await ada(path, { method: 'DELETE' })).status).toBe(204);
  expect((await ada(path, { method: 'DELETE' })).status).toBe(404);
  expect((await ada(path)).status).toBe(404);
});

test('an artifact is never shown as a page of this server (F1)', async () => {
  await using house = await openHouse();
  const ada = house.as('ada');
  const { artifact } = await upload(ada, '<script>alert(1)</script>', 'a "report" 100% — ü.html', {
    'Content-Type': 'text/html',
  });

  const { headers } = await ada(`/api/artifacts/${artifact.artifactId}`);

  expect(headers.get('content-type')).toBe('text/html');
  expect(headers.get('x-content-type-options')).toBe('nosniff');
  expect(headers.get('content-security-policy')).toBe('sandbox');
  expect(headers.get('cache-control')).toBe('no-store');
  expect(headers.get('content-disposition')).toBe(
    `attachment; filename="a _report_ 100_ _ _.html"; filename*=UTF-8''a%20%22report%22%20100%25%20%E2%80%94%20%C3%BC.html`,
  );
});

test('an artifact of an agent with a type that is none is served as bytes', async () => {
  await using house = await openHouse();
  const ada = house.as('ada');
  await runToEnd(ada, 'scribe', { title: 'x\r\nSet-Cookie: a=b', text: TEN, mediaType: 'text/html\r\nX: y' }, 'r1');
  const { artifacts } = await (await ada('/api/artifacts?runId=r1')).json();

  const answer = await ada(`/api/artifacts/${artifacts[0].artifactId}`);

  expect(answer.headers.get('content-type')).toBe('application/octet-stream');
  expect(answer.headers.get('set-cookie')).toBeNull();
  expect(await answer.text()).toBe(TEN);
});

test.each([
  ['bytes=2-4', '234', 'bytes 2-4/10'],
  ['bytes=7-', '789', 'bytes 7-9/10'],
  ['bytes=-1', '9', 'bytes 9-9/10'],
  ['bytes=0-99', TEN, 'bytes 0-9/10'],
])('the range %s is served as such', async (range, part, contentRange) => {
  await using house = await openHouse();
  const ada = house.as('ada');
  const { artifact } = await upload(ada, TEN);

  const answer = await ada(`/api/artifacts/${artifact.artifactId}`, { headers: { Range: range } });

  expect([answer.status, answer.headers.get('content-range'), answer.headers.get('content-length')]).toEqual([
    206,
    contentRange,
    String(part.length),
  ]);
  expect(await answer.text()).toBe(part);
});

test('a range outside of the content is refused with its length, several are the whole', async () => {
  await using house = await openHouse();
  const ada = house.as('ada');
  const { artifact } = await upload(ada, TEN);
  const ask = (range: string) => ada(`/api/artifacts/${artifact.artifactId}`, { headers: { Range: range } });

  const outside = await ask('bytes=10-');
  const several = await ask('bytes=0-1,4-5');

  expect([outside.status, outside.headers.get('content-range')]).toEqual([416, 'bytes */10']);
  expect(await outside.json()).toMatchObject({ code: 'RANGE_INVALID' });
  expect([several.status, await several.text()]).toEqual([200, TEN]);
});

test('If-Range of another content asks for the whole', async () => {
  await using house = await openHouse();
  const ada = house.as('ada');
  const { artifact } = await upload(ada, TEN);
  const ask = (tag: string) =>
    ada(`/api/artifacts/${artifact.artifactId}`, { headers: { Range: 'bytes=2-4', 'If-Range': tag } });

  const same = await ask(`"${artifact.digest}"`);
  const other = await ask('"another"');

  expect([same.status, await same.text()]).toEqual([206, '234']);
  expect([other.status, await other.text()]).toEqual([200, TEN]);
});

test('an empty file is a file, and the head of a file is its headers', async () => {
  await using house = await openHouse();
  const ada = house.as('ada');
  const { artifact } = await upload(ada, '');
  const ten = await upload(ada, TEN);

  const empty = await ada(`/api/artifacts/${artifact.artifactId}`);
  const head = await ada(`/api/artifacts/${ten.artifact.artifactId}`, { method: 'HEAD' });

  expect([empty.status, await empty.text()]).toEqual([200, '']);
  expect([head.status, head.headers.get('content-length'), head.headers.get('accept-ranges')]).toEqual([
    200,
    '10',
    'bytes',
  ]);
});

test('a file that is too large is refused, with its length or without', async () => {
  await using house = await openHouse({ limits: { artifactBytes: 100_000 } });
  const ada = house.as('ada');
  const pieces = () =>
    new ReadableStream({
      start: (controller) => {
        for (let at = 0; at < 11; at += 1) controller.enqueue(new Uint8Array(10_000));
        controller.close();
      },
    });

  const known = await upload(ada, new Uint8Array(100_001));
  const streamed = await ada('/api/artifacts?title=x', {
    method: 'POST',
    body: pieces(),
    duplex: 'half',
  } as RequestInit);

  expect([known.status, known.artifact.code]).toEqual([413, 'TOO_LARGE']);
  expect([streamed.status, await streamed.json()]).toMatchObject([
    413,
    { code: 'TOO_LARGE', details: { limitBytes: 100_000 } },
  ]);
  expect((await upload(ada, new Uint8Array(100_000))).status).toBe(201);
});

test('a large file goes both ways whole', async () => {
  await using house = await openHouse();
  const ada = house.as('ada');
  const content = new Uint8Array(5_000_000).map((_, at) => at % 251);

  const { artifact } = await upload(ada, content);
  const back = new Uint8Array(await (await ada(`/api/artifacts/${artifact.artifactId}`)).arrayBuffer());

  expect(artifact.bytes).toBe(5_000_000);
  expect(Buffer.compare(back, content)).toBe(0);
});

test('a file that goes away while it is read is cut off, not taken for whole (F2)', async () => {
  await using house = await openHouse();
  const ada = house.as('ada');
  const { artifact } = await upload(ada, new Uint8Array(30_000_000));
  const path = `/api/artifacts/${artifact.artifactId}`;

  const answer = await ada(path);
  await ada(path, { method: 'DELETE' });

  await expect(answer.arrayBuffer()).rejects.toThrow('terminated');
});

test('an upload that is broken off leaves nothing', async () => {
  await using house = await openHouse();
  const ada = house.as('ada');
  await runToEnd(ada, 'greeter', { name: 'Ada' }, 'r1');
  const leave = new AbortController();
  const asked = Promise.withResolvers<void>();
  const body = new ReadableStream({
    pull: async (controller) => {
      controller.enqueue(new Uint8Array(1_000));
      asked.resolve();
      await new Promise(() => undefined);
    },
  });

  const request = ada('/api/artifacts?title=x&runId=r1', {
    method: 'POST',
    body,
    duplex: 'half',
    signal: leave.signal,
  } as RequestInit);
  await asked.promise;
  leave.abort();

  await expect(request).rejects.toThrow('aborted');
  expect(await (await ada('/api/artifacts?runId=r1')).json()).toEqual({ artifacts: [] });
});

test.each([
  ['/api/artifacts'],
  ['/api/artifacts?title='],
  ['/api/artifacts?title=a%00b'],
  ['/api/artifacts?title=x&kind=A%20B'],
  [`/api/artifacts?title=${'x'.repeat(257)}`],
])('an upload to %.60s is refused', async (path) => {
  await using house = await openHouse();

  const answer = await house.as('ada')(path, { method: 'POST', body: TEN });

  expect([answer.status, (await answer.json()).code]).toEqual([400, 'REQUEST_INVALID']);
});

test('a media type that is none is refused', async () => {
  await using house = await openHouse();

  const { status, artifact } = await upload(house.as('ada'), TEN, 'x', { 'Content-Type': 'text/html, evil' });

  expect([status, artifact.code]).toEqual([400, 'REQUEST_INVALID']);
});

test("somebody else's file is not there", async () => {
  await using house = await openHouse();
  const { artifact } = await upload(house.as('ada'), TEN);
  const path = `/api/artifacts/${artifact.artifactId}`;
  const bob = house.as('bob');

  for (const method of ['GET', 'HEAD', 'DELETE']) expect((await bob(path, { method })).status).toBe(404);
  expect(await (await bob(path)).json()).toMatchObject({
    code: 'NOT_FOUND',
    details: { what: 'artifact', id: artifact.artifactId },
  });
  expect(await (await house.as('ada')(path)).text()).toBe(TEN);
});
