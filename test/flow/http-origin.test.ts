import { request } from 'node:http';

import { expect, test } from 'vitest';

import { openHouse, type House } from './http-house.ts';

/** Node's fetch sets Host and Origin itself, so these requests are made by hand. */
function ask({ runtime }: House, path: string, headers: Record<string, string>, method = 'GET') {
  return new Promise<{ status: number; headers: Record<string, unknown>; body: string }>((resolve, reject) => {
    const sent = request(
      { host: '127.0.0.1', port: runtime.address?.port, path, method, headers, agent: false },
      (response) => {
        let body = '';
        response.setEncoding('utf8').on('data', (piece: string) => (body += piece));
        response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body }));
      },
    );
    sent.on('error', reject);
    sent.end();
  });
}

test('development mode signs in the local user, for pages of this server', async () => {
  await using house = await openHouse({ auth: {} });
  const host = `localhost:${house.runtime.address?.port}`;

  const own = await ask(house, '/api/runs', { Host: host, Origin: `http://${host}` });
  const plain = await ask(house, '/api/runs', { Host: host });

  expect([own.status, own.body]).toEqual([200, '{"runs":[]}']);
  expect([plain.status, plain.body]).toEqual([200, '{"runs":[]}']);
});

test.each(['/api/runs', '/health/live', '/'])(
  'development mode answers %s under no foreign name, and to no foreign page',
  async (path) => {
    await using house = await openHouse({ auth: {} });
    const port = house.runtime.address?.port;

    const rebound = await ask(house, path, { Host: `evil.example:${port}`, Origin: `http://evil.example:${port}` });
    const foreign = await ask(house, path, { Host: `localhost:${port}`, Origin: 'http://evil.example' });

    expect([rebound.status, JSON.parse(rebound.body)]).toMatchObject([
      403,
      { code: 'FORBIDDEN', details: { header: 'Host', received: `evil.example:${port}` } },
    ]);
    expect([foreign.status, JSON.parse(foreign.body)]).toMatchObject([
      403,
      { code: 'FORBIDDEN', details: { header: 'Origin', received: 'http://evil.example' } },
    ]);
  },
);

test('a request without a Host, or with a malformed one, is a bad request', async () => {
  await using house = await openHouse({ auth: {} });

  const malformed = await ask(house, '/api/runs', { Host: 'a b' });

  expect([malformed.status, JSON.parse(malformed.body).code]).toEqual([400, 'REQUEST_INVALID']);
});

test('development mode refuses to listen on any other address', async () => {
  await expect(openHouse({ auth: {}, server: { host: '0.0.0.0', port: 0 } })).rejects.toMatchObject({
    code: 'AUTH_REQUIRED',
  });
});

test('a port in use is told with its address', async () => {
  await using house = await openHouse();
  const port = house.runtime.address?.port ?? 0;

  await expect(openHouse({ server: { port } })).rejects.toMatchObject({
    code: 'PORT_IN_USE',
    details: { host: '127.0.0.1', port },
  });
});

test('a host that is not this machine is told as such', async () => {
  await expect(openHouse({ server: { host: '203.0.113.7', port: 0 } })).rejects.toMatchObject({
    code: 'CONFIG_INVALID',
    details: { option: 'server.host' },
  });
});

test('a foreign page changes nothing, whatever its token; an allowed one is answered', async () => {
  await using house = await openHouse({ auth: { secret: 'x'.repeat(32), allowedOrigins: ['https://app.example'] } });
  const host = `localhost:${house.runtime.address?.port}`;

  const foreign = await ask(
    house,
    '/api/runs',
    { Host: host, Origin: 'https://evil.example', Authorization: 'Bearer x' },
    'POST',
  );
  const allowed = await ask(
    house,
    '/api/runs',
    { Host: host, Origin: 'https://app.example', Authorization: 'Bearer x' },
    'POST',
  );
  const preflight = await ask(
    house,
    '/api/runs',
    {
      Host: host,
      Origin: 'https://app.example',
      'Access-Control-Request-Method': 'POST',
      'Access-Control-Request-Headers': 'authorization',
    },
    'OPTIONS',
  );
  const foreignPreflight = await ask(
    house,
    '/api/runs',
    { Host: host, Origin: 'https://evil.example', 'Access-Control-Request-Method': 'POST' },
    'OPTIONS',
  );

  expect([foreign.status, foreign.headers['access-control-allow-origin']]).toEqual([403, undefined]);
  expect([allowed.status, allowed.headers['access-control-allow-origin']]).toEqual([401, 'https://app.example']);
  expect(allowed.headers['vary']).toContain('Origin');
  expect(preflight.status).toBe(204);
  expect(preflight.headers).toMatchObject({
    'access-control-allow-origin': 'https://app.example',
    'access-control-allow-methods': 'GET,HEAD,POST,DELETE',
    'access-control-allow-headers': expect.stringContaining('Authorization'),
    'access-control-max-age': '600',
  });
  expect([foreignPreflight.status, foreignPreflight.headers['access-control-allow-origin']]).toEqual([403, undefined]);
});

test('without allowed origins nothing is said to other sites', async () => {
  await using house = await openHouse();
  const host = `localhost:${house.runtime.address?.port}`;

  const answer = await ask(house, '/health/live', { Host: host, Origin: 'https://evil.example' });

  expect(Object.keys(answer.headers).filter((name) => name.startsWith('access-control'))).toEqual([]);
});
