import { expect, test } from 'vitest';

import { isEnginehouseError } from '../base/errors.ts';
import { isLoopback, requireLoopback, resolveAuth } from './resolve-auth.ts';

const SECRET = 'a secret of more than thirty-two bytes';

function refusal(work: () => unknown): unknown {
  try {
    return work();
  } catch (error) {
    return isEnginehouseError(error) ? { code: error.code, details: error.details } : error;
  }
}

test('without a secret it is development mode', () => {
  const auth = resolveAuth(undefined, {});

  expect(auth.key).toBeUndefined();
  expect([...auth.allowedOrigins]).toEqual([]);
  expect(auth.tenantClaim).toBe('tenant');
});

test('the option comes before the environment, and an empty variable is none', () => {
  const fromOption = resolveAuth({ secret: SECRET }, { ENGINEHOUSE_AUTH_SECRET: 'x'.repeat(40) });
  const fromEnvironment = resolveAuth({}, { ENGINEHOUSE_AUTH_SECRET: 'x'.repeat(40) });

  expect(fromOption.key?.export().toString()).toBe(SECRET);
  expect(fromEnvironment.key?.export().toString()).toBe('x'.repeat(40));
  expect(resolveAuth({}, { ENGINEHOUSE_AUTH_SECRET: '' }).key).toBeUndefined();
});

test('a short secret is refused and not shown', () => {
  const short = refusal(() => resolveAuth({ secret: 'hunter2' }, {}));

  expect(short).toEqual({ code: 'CONFIG_INVALID', details: { option: 'auth.secret', received: '7 bytes' } });
  expect(refusal(() => resolveAuth({ secret: '' }, {}))).toMatchObject({ code: 'CONFIG_INVALID' });
});

test('bytes are counted, not characters', () => {
  expect(resolveAuth({ secret: 'é'.repeat(16) }, {}).key).toBeDefined();
});

test.each(['*', 'example.com', 'https://example.com/', 'https://example.com/app', 'null', ''])(
  'the origin %j is refused',
  (origin) => {
    expect(refusal(() => resolveAuth({ allowedOrigins: [origin] }, {}))).toEqual({
      code: 'CONFIG_INVALID',
      details: { option: 'auth.allowedOrigins', received: origin },
    });
  },
);

test('development mode listens on loopback only', () => {
  const local = resolveAuth(undefined, {});
  const signed = resolveAuth({ secret: SECRET }, {});

  for (const host of ['localhost', '127.0.0.1', '127.8.9.1', '::1']) requireLoopback(local, host);
  for (const host of ['0.0.0.0', '::', '192.168.1.5', 'example.com', '127.0.0.1.example.com']) {
    expect(refusal(() => requireLoopback(local, host))).toEqual({ code: 'AUTH_REQUIRED', details: { host } });
    requireLoopback(signed, host);
  }
});

test('loopback is told apart from addresses that look like it', () => {
  expect(['127.0.0.1', '::1', '::ffff:127.0.0.1'].map(isLoopback)).toEqual([true, true, true]);
  expect(['', '128.0.0.1', '::ffff:10.0.0.1', '1127.0.0.1', '::2'].map(isLoopback)).toEqual([
    false,
    false,
    false,
    false,
    false,
  ]);
});
