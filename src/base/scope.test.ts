import { expect, test } from 'vitest';

import { TestClock } from '../testing/test-clock.ts';
import { Scope } from './scope.ts';

test('S2: what was acquired last is released first, one at a time', async () => {
  const scope = new Scope('house');
  const told: string[] = [];
  for (const name of ['store', 'bridge', 'door']) {
    scope.defer(name, async () => {
      told.push(`${name} closes`);
      await Promise.resolve();
      told.push(`${name} closed`);
    });
  }

  await scope.close();

  expect(told).toEqual([
    'door closes',
    'door closed',
    'bridge closes',
    'bridge closed',
    'store closes',
    'store closed',
  ]);
});

test('S1: a scope is closed once, and later calls share that close', async () => {
  const scope = new Scope('house');
  let releases = 0;
  scope.defer('store', () => void (releases += 1));

  const first = scope.close();
  expect(scope.closed).toBe(true);
  expect(scope.close()).toBe(first);
  await scope[Symbol.asyncDispose]();

  expect(releases).toBe(1);
});

test('S2: a release that hangs is named at its deadline, and the rest are tried', async () => {
  const clock = new TestClock();
  const scope = new Scope('house', { clock, releaseTimeoutMs: 2_000 });
  const told: string[] = [];
  scope.defer('store', () => void told.push('store'));
  scope.defer('bridge', () => new Promise(() => undefined), 300);
  scope.defer('door', () => void told.push('door'));

  const closing = scope.close();
  await clock.advance(299);
  expect(told).toEqual(['door']);
  await Promise.all([
    expect(closing).rejects.toMatchObject({
      code: 'DEADLINE',
      message: 'closing bridge of house did not end within 300 ms',
    }),
    clock.advance(1),
  ]);

  expect(told).toEqual(['door', 'store']);
  expect(clock.pending).toBe(0);
});

test('S3: one failure is thrown as itself', async () => {
  const scope = new Scope('house');
  const broken = new Error('the disk is gone');
  scope.defer('store', () => {
    throw broken;
  });
  scope.defer('door', () => undefined);

  await expect(scope.close()).rejects.toBe(broken);
});

test('S3: several failures are all kept, and each step is named', async () => {
  const scope = new Scope('house');
  const [sync, late] = [new Error('at once'), new Error('later')];
  scope.defer('store', () => {
    throw sync;
  });
  scope.defer('bridge', () => undefined);
  scope.defer('door', () => Promise.reject(late));

  const error = await scope.close().catch((thrown: unknown) => thrown);

  expect(error).toBeInstanceOf(AggregateError);
  expect(error).toMatchObject({ message: 'house did not close cleanly: door, store', errors: [late, sync] });
});

test('what comes when a scope is closing is refused, and named', async () => {
  const scope = new Scope('house');
  scope.defer('store', () => {
    expect(() => scope.defer('guest', () => undefined)).toThrowError(
      expect.objectContaining({ code: 'CLOSED', message: 'house is closed, guest came too late' }),
    );
  });

  await scope.close();
});

test('a resource that a scope owns is disposed with it', async () => {
  const scope = new Scope('house');
  let disposed = 0;
  const resource = { [Symbol.asyncDispose]: async () => void (disposed += 1) };

  expect(scope.own('guest', resource)).toBe(resource);
  await scope.close();

  expect(disposed).toBe(1);
});
