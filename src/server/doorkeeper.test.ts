import { expect, test } from 'vitest';

import { isEnginehouseError } from '../base/errors.ts';
import { TestClock } from '../testing/test-clock.ts';
import type { Caller } from './caller.ts';
import { Doorkeeper } from './doorkeeper.ts';
import { resolveAuth, type AuthOptions } from './resolve-auth.ts';
import { signToken } from './token.ts';

const SECRET = 'a secret of more than thirty-two bytes';
const HERE = { remoteAddress: '127.0.0.1', localPort: 4100, encrypted: false };

function doorkeeper(options: AuthOptions, allowedHosts: readonly string[] = []): Doorkeeper {
  return new Doorkeeper({ auth: resolveAuth(options, {}), allowedHosts, clock: new TestClock() });
}

function caller(headers: Readonly<Record<string, string>>, rest: Partial<Caller> = {}): Caller {
  return { safe: true, connection: HERE, header: (name) => headers[name], ...rest };
}

/** What is refused of a caller, or `admitted`. */
function verdict(keeper: Doorkeeper, who: Caller): string {
  try {
    keeper.admit(who);
    return 'admitted';
  } catch (error) {
    if (isEnginehouseError(error, 'FORBIDDEN')) return error.details.header;
    return isEnginehouseError(error) ? error.code : String(error);
  }
}

test('development mode serves loopback names with the right port and no other (K2)', () => {
  const keeper = doorkeeper({});
  const hosts = (...names: string[]): string[] => names.map((host) => verdict(keeper, caller({ host })));

  expect(hosts('localhost:4100', '127.0.0.1:4100', '[::1]:4100', 'LOCALHOST:4100')).toEqual([
    'admitted',
    'admitted',
    'admitted',
    'admitted',
  ]);
  expect(
    hosts(
      'evil.example:4100',
      'localhost:4101',
      'localhost',
      'localhost.evil.example:4100',
      '',
      '[::1',
      'localhost:4100:4100',
    ),
  ).toEqual(Array.from({ length: 7 }, () => 'Host'));
  expect(verdict(keeper, caller({}))).toBe('Host');
});

test('the port of a scheme need not be said', () => {
  const keeper = doorkeeper({});

  expect(verdict(keeper, caller({ host: 'localhost' }, { connection: { ...HERE, localPort: 80 } }))).toBe('admitted');
  expect(
    verdict(keeper, caller({ host: 'localhost' }, { connection: { ...HERE, localPort: 443, encrypted: true } })),
  ).toBe('admitted');
});

test('an allowed host is served by name with any port, or by name and port', () => {
  const keeper = doorkeeper({}, ['dev.local', 'box:8080']);

  expect(verdict(keeper, caller({ host: 'dev.local:9000' }))).toBe('admitted');
  expect(verdict(keeper, caller({ host: 'box:8080' }))).toBe('admitted');
  expect(verdict(keeper, caller({ host: 'box:8081' }))).toBe('Host');
});

test('development mode serves this machine only, whatever the Host says', () => {
  const keeper = doorkeeper({}, ['dev.local']);
  const connection = { ...HERE, remoteAddress: '192.168.1.9' };

  expect(verdict(keeper, caller({ host: 'localhost:4100' }, { connection }))).toBe('UNAUTHENTICATED');
  expect(verdict(keeper, caller({ host: 'dev.local' }, { connection }))).toBe('UNAUTHENTICATED');
});

test('development mode serves pages of its own origin, reading included (K2)', () => {
  const keeper = doorkeeper({ allowedOrigins: ['http://localhost:5173'] });
  const from = (origin: string): string => verdict(keeper, caller({ host: 'localhost:4100', origin }));

  expect(from('http://localhost:4100')).toBe('admitted');
  expect(from('http://localhost:5173')).toBe('admitted');
  expect(
    ['http://evil.example', 'http://localhost:4101', 'http://127.0.0.1:4100', 'null', 'file://', ''].map(from),
  ).toEqual(Array.from({ length: 6 }, () => 'Origin'));
});

test('with a secret, a foreign page changes nothing and opens no socket, but may read what its token reads (K3)', () => {
  const keeper = doorkeeper({ secret: SECRET, allowedOrigins: ['https://app.example.com'] });
  const host = 'api.example.com';
  const from = (origin: string | undefined, safe: boolean): string => {
    return verdict(keeper, caller(origin === undefined ? { host } : { host, origin }, { safe }));
  };

  expect(from('https://evil.example', false)).toBe('Origin');
  expect(from('null', false)).toBe('Origin');
  expect(from('https://evil.example', true)).toBe('admitted');
  expect(from('https://app.example.com', false)).toBe('admitted');
  expect(from('https://api.example.com', false)).toBe('admitted');
  expect(from(undefined, false)).toBe('admitted');
});

test('an origin is its own also when the default port is said', () => {
  const keeper = doorkeeper({ secret: SECRET });

  expect(verdict(keeper, caller({ host: 'example.com:443', origin: 'https://example.com' }, { safe: false }))).toBe(
    'admitted',
  );
});

test('with a secret, the Host does not matter', () => {
  const keeper = doorkeeper({ secret: SECRET });

  expect(
    verdict(keeper, caller({ host: 'anything.example' }, { connection: { ...HERE, remoteAddress: '8.8.8.8' } })),
  ).toBe('admitted');
});

test('development mode signs in the local user', async () => {
  expect(await doorkeeper({}).identify(caller({}))).toEqual({
    tenantId: 'default',
    userId: 'local',
    roles: ['user'],
    expiresAt: undefined,
  });
});

test('with a secret, a caller is whom the bearer token names (K1)', async () => {
  const keeper = doorkeeper({ secret: SECRET });
  const token = await signToken(SECRET, { userId: 'ada', expiresInMs: 1_000 }, new TestClock());

  expect(await keeper.identify(caller({ authorization: `Bearer ${token}` }))).toMatchObject({ userId: 'ada' });
  expect(await keeper.identify(caller({ authorization: `bearer ${token}` }))).toMatchObject({ userId: 'ada' });
});

test.each([
  [undefined, 'there is no token'],
  ['', 'the Authorization header holds no bearer token'],
  ['Basic YWRhOmFkYQ==', 'the Authorization header holds no bearer token'],
  ['Bearer', 'the Authorization header holds no bearer token'],
  ['Bearer one two', 'the Authorization header holds no bearer token'],
  ['Bearer one', 'the token is malformed'],
])('the Authorization header %j is refused: %s', async (authorization, reason) => {
  const headers: Record<string, string> = authorization === undefined ? {} : { authorization };

  await expect(doorkeeper({ secret: SECRET }).identify(caller(headers))).rejects.toMatchObject({
    code: 'UNAUTHENTICATED',
    details: { reason },
  });
});
