import { createHmac, createSecretKey, generateKeyPairSync } from 'node:crypto';

import { SignJWT } from 'jose';
import { expect, test } from 'vitest';

import { isEnginehouseError } from '../base/errors.ts';
import { DEFAULT_TENANT } from '../context/ids.ts';
import { TestClock } from '../testing/test-clock.ts';
import { signToken, verifyToken } from './token.ts';

const SECRET = 'a secret of more than thirty-two bytes';
const key = createSecretKey(Buffer.from(SECRET));

async function reasonFor(token: string, clock = new TestClock(), tenantClaim = 'tenant'): Promise<unknown> {
  try {
    return await verifyToken(token, { key, tenantClaim, clock });
  } catch (error) {
    return isEnginehouseError(error, 'UNAUTHENTICATED') ? error.details.reason : error;
  }
}

/** A token with any header and claims, signed with the secret. */
function forge(header: object, claims: object, secret = SECRET): string {
  const [head, body] = [header, claims].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'));
  const signature = createHmac('sha256', secret).update(`${head}.${body}`).digest('base64url');
  return `${head}.${body}.${signature}`;
}

test('a signed token names its user, tenant, roles and end', async () => {
  const clock = new TestClock(1_000_000);
  const token = await signToken(
    SECRET,
    { userId: 'ada', tenantId: 'acme', roles: ['admin'], expiresInMs: 60_000 },
    clock,
  );

  const principal = await verifyToken(token, { key, tenantClaim: 'tenant', clock });

  expect(principal).toEqual({ userId: 'ada', tenantId: 'acme', roles: ['admin'], expiresAt: 1_060_000 });
});

test('who names no tenant and no roles has the default ones', async () => {
  const clock = new TestClock();
  const token = await signToken(SECRET, { userId: 'ada', expiresInMs: 1_000 }, clock);

  expect(await verifyToken(token, { key, tenantClaim: 'tenant', clock })).toMatchObject({
    tenantId: DEFAULT_TENANT,
    roles: ['user'],
  });
});

test('the tenant comes from the claim that is configured, and from no other', async () => {
  const clock = new TestClock();
  const token = await signToken(
    SECRET,
    { userId: 'ada', tenantId: 'acme', tenantClaim: 'org', expiresInMs: 1_000 },
    clock,
  );

  expect(await verifyToken(token, { key, tenantClaim: 'org', clock })).toMatchObject({ tenantId: 'acme' });
  expect(await verifyToken(token, { key, tenantClaim: 'tenant', clock })).toMatchObject({ tenantId: DEFAULT_TENANT });
});

test('a token ends when its time is over, by the clock of the port', async () => {
  const clock = new TestClock();
  const token = await signToken(SECRET, { userId: 'ada', expiresInMs: 60_000 }, clock);

  await clock.advance(59_000);
  expect(await reasonFor(token, clock)).toMatchObject({ userId: 'ada' });
  await clock.advance(2_000);
  expect(await reasonFor(token, clock)).toBe('the token has expired');
});

test('another secret does not match', async () => {
  const token = await signToken(
    'another secret, as long as the first one',
    { userId: 'ada', expiresInMs: 60_000 },
    new TestClock(),
  );

  expect(await reasonFor(token)).toBe('the signature does not match');
});

test('a changed claim does not match', async () => {
  const [head, , signature] = (await signToken(SECRET, { userId: 'ada', expiresInMs: 60_000 }, new TestClock())).split(
    '.',
  );
  const body = Buffer.from(JSON.stringify({ sub: 'bob', exp: 9_999_999_999 })).toString('base64url');

  expect(await reasonFor(`${head}.${body}.${signature}`)).toBe('the signature does not match');
});

test('the algorithm is pinned: none, and a stronger or an asymmetric one, are refused', async () => {
  const claims = { sub: 'ada', exp: 9_999_999_999 };
  const [head, body] = [{ alg: 'none' }, claims].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'));
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const strong = await new SignJWT(claims)
    .setProtectedHeader({ alg: 'HS512' })
    .sign(createSecretKey(Buffer.alloc(64, 1)));
  const asymmetric = await new SignJWT(claims).setProtectedHeader({ alg: 'ES256' }).sign(privateKey);

  expect(await reasonFor(`${head}.${body}.`)).toBe('the token is not signed with HS256');
  expect(await reasonFor(strong)).toBe('the token is not signed with HS256');
  expect(await reasonFor(asymmetric)).toBe('the token is not signed with HS256');
});

test.each([
  ['sub', { exp: 9_999_999_999 }],
  ['exp', { sub: 'ada' }],
  ['exp', { sub: 'ada', exp: 'tomorrow' }],
  ['nbf', { sub: 'ada', exp: 9_999_999_999, nbf: 9_999_999_998 }],
])('the claim %s is asked for: %j', async (claim, claims) => {
  expect(await reasonFor(forge({ alg: 'HS256' }, claims))).toBe(`the claim ${claim} is missing or not acceptable`);
});

test.each([
  ['sub', { sub: '', exp: 9_999_999_999 }],
  ['sub', { sub: 'a\u0000b', exp: 9_999_999_999 }],
  ['sub', { sub: 7, exp: 9_999_999_999 }],
  ['roles', { sub: 'ada', exp: 9_999_999_999, roles: 'admin' }],
  ['tenant', { sub: 'ada', exp: 9_999_999_999, tenant: 7 }],
  ['tenant', { sub: 'ada', exp: 9_999_999_999, tenant: 'x'.repeat(129) }],
])('the claim %s is checked: %j', async (claim, claims) => {
  expect(await reasonFor(forge({ alg: 'HS256' }, claims))).toMatch(new RegExp(`^the claim ${claim} is `));
});

test.each(['', 'x', 'a.b', 'a.b.c', `${'x'.repeat(10_000)}`])('what is no token is refused: %.20j', async (text) => {
  expect(await reasonFor(text)).toBe('the token is malformed');
});

test.each([0, -1, Number.NaN, Number.POSITIVE_INFINITY])(
  'a token that would last %d ms is not signed',
  async (expiresInMs) => {
    await expect(signToken(SECRET, { userId: 'ada', expiresInMs }, new TestClock())).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
    });
  },
);

test('a malformed user is not signed for', async () => {
  await expect(signToken(SECRET, { userId: '', expiresInMs: 1_000 }, new TestClock())).rejects.toMatchObject({
    code: 'ID_INVALID',
  });
});
