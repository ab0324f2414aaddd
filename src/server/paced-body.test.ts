import { expect, test } from 'vitest';

import { TestClock } from '../testing/test-clock.ts';
import { pacedBody, type BodyPlan } from './paced-body.ts';

const bytes = (text: string): Uint8Array => Buffer.from(text);
const text = (piece: Uint8Array | undefined): string => Buffer.from(piece ?? []).toString();

/** A source that gives what it is told to, and notes what is asked of it. */
function source() {
  const notes: string[] = [];
  const supply: PromiseWithResolvers<Uint8Array | undefined>[] = [];
  async function* open(signal: AbortSignal): AsyncGenerator<Uint8Array> {
    notes.push('opened');
    signal.addEventListener('abort', () => {
      notes.push('aborted');
      for (const { reject } of supply) reject(signal.reason);
    });
    for (;;) {
      const next = Promise.withResolvers<Uint8Array | undefined>();
      next.promise.catch(() => undefined);
      supply.push(next);
      notes.push('asked');
      const piece = await next.promise;
      if (piece === undefined) return;
      yield piece;
    }
  }
  return { open, notes, supply };
}

function bodyOf(open: BodyPlan['open'], plan: Partial<BodyPlan> = {}) {
  const clock = new TestClock();
  const ends: unknown[] = [];
  const ended = (failure: unknown): void => void ends.push(failure);
  const reader = pacedBody({ open, clock, stallMs: 30_000, cut: undefined, ended, ...plan }).getReader();
  return { clock, ends, reader };
}

test('nothing is opened before the first read (B1)', async () => {
  const { open, notes } = source();
  const { reader, ends } = bodyOf(open);

  await reader.cancel();

  expect(notes).toEqual([]);
  expect(ends).toEqual([undefined]);
});

test('the next piece is asked for when the one before was taken (B2)', async () => {
  const { open, notes, supply } = source();
  const { reader } = bodyOf(open);

  const first = reader.read();
  await Promise.resolve();
  supply[0]?.resolve(bytes('one'));
  expect(text((await first).value)).toBe('one');
  expect(notes).toEqual(['opened', 'asked']);

  const second = reader.read();
  await expect.poll(() => notes).toEqual(['opened', 'asked', 'asked']);
  supply[1]?.resolve(undefined);
  expect(await second).toEqual({ done: true, value: undefined });
});

test('a client that takes nothing is cut off after its time, one that waits is not (B3)', async () => {
  const { open, supply } = source();
  const cuts: string[] = [];
  const { reader, clock, ends } = bodyOf(open, { cut: () => void cuts.push('cut') });

  const first = reader.read();
  await clock.advance(1_000_000);
  expect(cuts).toEqual([]);
  supply[0]?.resolve(bytes('one'));
  await first;
  await clock.advance(29_999);
  expect(cuts).toEqual([]);
  await clock.advance(1);

  expect(cuts).toEqual(['cut']);
  expect(ends).toEqual([expect.objectContaining({ code: 'DISCONNECTED' })]);
  expect(clock.pending).toBe(0);
});

test('a client that leaves aborts the source, and no timer stays (B4)', async () => {
  const { open, notes } = source();
  const { reader, clock, ends } = bodyOf(open, { heartbeat: { everyMs: 10, piece: bytes('beat') } });

  const read = reader.read();
  await clock.advance(0);
  await reader.cancel();

  expect(await read).toEqual({ done: true, value: undefined });
  await expect.poll(() => clock.pending).toBe(0);
  expect(notes).toEqual(['opened', 'asked', 'aborted']);
  expect(ends).toEqual([undefined]);
});

test('a failing source cuts the connection, or without one fails the body (B4)', async () => {
  const broken = new Error('the disk is gone');
  async function* failing(): AsyncGenerator<Uint8Array> {
    yield bytes('a part');
    throw broken;
  }
  const cuts: string[] = [];
  const onConnection = bodyOf(failing, { cut: () => void cuts.push('cut') });
  const alone = bodyOf(failing);

  await onConnection.reader.read();
  void onConnection.reader.read();
  await alone.reader.read();

  await expect(alone.reader.read()).rejects.toBe(broken);
  await expect.poll(() => cuts).toEqual(['cut']);
  expect(onConnection.ends).toEqual([broken]);
  expect(alone.ends).toEqual([broken]);
});

test('heartbeats are sent while nothing else comes, and at most one waits', async () => {
  const { open, supply } = source();
  const { reader, clock } = bodyOf(open, { heartbeat: { everyMs: 15_000, piece: bytes('beat') } });

  const first = reader.read();
  await clock.advance(15_000);
  expect(text((await first).value)).toBe('beat');
  await clock.advance(60_000);
  supply[0]?.resolve(bytes('one'));
  await clock.advance(0);

  expect(text((await reader.read()).value)).toBe('beat');
  expect(text((await reader.read()).value)).toBe('one');
});

test('what says `until` ends the body in good order', async () => {
  const { open } = source();
  const until = new AbortController();
  const { reader, ends, clock } = bodyOf(open, { until: until.signal });

  const read = reader.read();
  await clock.advance(0);
  until.abort(new Error('closing'));

  expect(await read).toEqual({ done: true, value: undefined });
  expect(ends).toEqual([undefined]);
});
