import { expect, test } from 'vitest';

import { resolveLimits } from '../context/resolve-limits.ts';
import { TestClock } from '../testing/test-clock.ts';
import { contentOf } from './request-input.ts';

test('a client that sends nothing for its time is left, and no timer stays', async () => {
  const clock = new TestClock();
  const limits = resolveLimits({ slowClientMs: 30_000 });
  const body = new ReadableStream({ start: (controller) => controller.enqueue(new Uint8Array(3)) });
  const request = new Request('http://localhost/', { method: 'POST', body, duplex: 'half' } as RequestInit);

  const pieces = contentOf(request, { clock, limits });
  expect((await pieces.next()).value).toHaveLength(3);
  const next = pieces.next().catch((error: unknown) => error);
  await clock.advance(30_000);

  expect(await next).toMatchObject({ code: 'DISCONNECTED', details: { reason: expect.stringContaining('30000 ms') } });
  expect(clock.pending).toBe(0);
});

test('a request without a body has no pieces', async () => {
  const request = new Request('http://localhost/');

  expect(await Array.fromAsync(contentOf(request, { clock: new TestClock(), limits: resolveLimits() }))).toEqual([]);
});
