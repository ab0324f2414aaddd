import { expect, test } from 'vitest';

import { tenantId, userId } from '../context/ids.ts';
import type { Principal } from '../context/principal.ts';
import { TestClock } from '../testing/test-clock.ts';
import { OpenStreams } from './open-streams.ts';

function principal(user: string, expiresAt?: number): Principal {
  return { tenantId: tenantId('acme'), userId: userId(user), roles: ['user'], expiresAt };
}

test('the streams of a user are limited, and one that ended makes room (O1)', () => {
  const streams = new OpenStreams({ clock: new TestClock(), limits: { socketsPerUser: 2 } });
  const first = streams.open(principal('ada'));
  streams.open(principal('ada'));

  expect(() => streams.open(principal('ada'))).toThrow(
    expect.objectContaining({ code: 'LIMIT_REACHED', details: { limit: 'socketsPerUser', max: 2 } }),
  );
  streams.open(principal('bob'));
  first[Symbol.dispose]();
  streams.open(principal('ada'));
});

test('a stream ends with the sign-in it was opened with (O2)', async () => {
  const clock = new TestClock(0);
  const streams = new OpenStreams({ clock, limits: { socketsPerUser: 20 } });
  const { until } = streams.open(principal('ada', 60_000));

  await clock.advance(59_999);
  expect(until.aborted).toBe(false);
  await clock.advance(1);

  expect(until.reason).toMatchObject({ code: 'UNAUTHENTICATED' });
});

test('a sign-in that lasts for years does not end at once', async () => {
  const clock = new TestClock(0);
  const streams = new OpenStreams({ clock, limits: { socketsPerUser: 20 } });
  const { until } = streams.open(principal('ada', 1_000 * 86_400_000));

  await clock.advance(24 * 86_400_000);

  expect(until.aborted).toBe(false);
});

test('closing ends every stream, now and later, and an ended one leaves no timer (O2)', () => {
  const clock = new TestClock();
  const streams = new OpenStreams({ clock, limits: { socketsPerUser: 20 } });
  const open = streams.open(principal('ada', clock.now() + 1_000));
  const gone = streams.open(principal('bob', clock.now() + 1_000));
  gone[Symbol.dispose]();

  streams.close();

  expect([open.until.aborted, gone.until.aborted, streams.closed]).toEqual([true, false, true]);
  open[Symbol.dispose]();
  expect(clock.pending).toBe(0);
});
