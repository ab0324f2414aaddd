import { createHash } from 'node:crypto';

import * as fc from 'fast-check';
import { expect, test } from 'vitest';

import { runId } from '../../../src/context/ids.ts';
import { accept, ada, again, contentOf, newArtifact, type OpenStore } from './samples.ts';

const LIMIT = 10_000_000;

export function artifactsContract(open: OpenStore): void {
  test('an artifact comes back as it was put', async () => {
    const opened = await open();
    await using store = opened.store;
    const content = bytes(700_000);

    const put = await store.for(ada).artifacts.put(newArtifact('f1', 'r1'), [content], LIMIT);

    expect(put).toEqual({ ...newArtifact('f1', 'r1'), bytes: 700_000, digest: sha256(content) });
    await using later = await again(opened);
    expect(await later.for(ada).artifacts.get('f1')).toEqual(put);
    expect(await later.for(ada).artifacts.list(runId('r1'))).toEqual([put]);
    expect((await contentOf(later.for(ada).artifacts, 'f1')).equals(content)).toBe(true);
  });

  test('an empty artifact is one', async () => {
    await using store = (await open()).store;
    const { artifacts } = store.for(ada);

    const put = await artifacts.put(newArtifact('f1'), [], LIMIT);

    expect(put).toEqual({ ...newArtifact('f1'), bytes: 0, digest: sha256(Buffer.alloc(0)) });
    expect(await artifacts.get('f1')).toEqual(put);
    expect(await Array.fromAsync(artifacts.read('f1'))).toEqual([]);
  });

  test('any text can be a title and an id, and one that nobody used is absent', async () => {
    await using store = (await open()).store;
    const { artifacts } = store.for(ada);
    const odd = { ...newArtifact('a\u0000b\u0001'), title: '\u0000\u00010 😀', kind: '', mediaType: '\u0001' };

    const put = await artifacts.put(odd, [Buffer.from('a')], LIMIT);

    expect(put).toMatchObject(odd);
    expect(await artifacts.get('a\u0000b\u0001')).toEqual(put);
    expect(await artifacts.get('a\u0000b')).toBeUndefined();
    expect(await artifacts.delete('a\u0000b\u0001')).toBe(true);
  });

  test('whatever the parts of the source, any range comes back', async () => {
    await using store = (await open()).store;
    const { artifacts } = store.for(ada);

    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.nat(400_000), { maxLength: 5 }),
        fc.nat(1_500_000),
        fc.nat(1_500_000),
        async (sizes, start, end) => {
          const content = bytes(sizes.reduce((sum, size) => sum + size, 0));
          await artifacts.put(newArtifact('f1'), inParts(content, sizes), LIMIT);

          expect((await contentOf(artifacts, 'f1')).equals(content)).toBe(true);
          expect(
            (await contentOf(artifacts, 'f1', start, end)).equals(content.subarray(start, Math.max(start, end))),
          ).toBe(true);
        },
      ),
      { numRuns: 15 },
    );
  });

  test('a range outside the content yields what is inside', async () => {
    await using store = (await open()).store;
    const { artifacts } = store.for(ada);
    await artifacts.put(newArtifact('f1'), [Buffer.from('0123456789')], LIMIT);

    expect(`${await contentOf(artifacts, 'f1', 4)}`).toBe('456789');
    expect(`${await contentOf(artifacts, 'f1', 4, 6)}`).toBe('45');
    expect(`${await contentOf(artifacts, 'f1', -3, 2)}`).toBe('01');
    expect(`${await contentOf(artifacts, 'f1', 8, 99)}`).toBe('89');
    expect(await contentOf(artifacts, 'f1', 6, 4)).toHaveLength(0);
    expect(await contentOf(artifacts, 'f1', 99)).toHaveLength(0);
  });

  test('past the limit nothing is kept, and the source is let go', async () => {
    await using store = (await open()).store;
    const { artifacts } = store.for(ada);
    const source = endless();

    await expect(artifacts.put(newArtifact('f1'), source, 1_000_000)).rejects.toMatchObject({
      code: 'TOO_LARGE',
      details: { what: 'artifact f1', limitBytes: 1_000_000 },
    });

    expect(await artifacts.get('f1')).toBeUndefined();
    expect(await source.next()).toEqual({ done: true, value: undefined });
    expect(await artifacts.put(newArtifact('f2'), [bytes(9)], 9)).toMatchObject({ bytes: 9 });
  });

  test('a source that fails leaves nothing, and what was there before stays', async () => {
    const opened = await open();
    await using store = opened.store;
    await store.for(ada).artifacts.put(newArtifact('f1'), [Buffer.from('before')], LIMIT);
    const torn = new Error('the cable is out');

    await expect(store.for(ada).artifacts.put(newArtifact('f1'), failing(600_000, torn), LIMIT)).rejects.toBe(torn);
    await expect(store.for(ada).artifacts.put(newArtifact('f2', 'r1'), failing(600_000, torn), LIMIT)).rejects.toBe(
      torn,
    );

    await using later = await again(opened);
    expect(`${await contentOf(later.for(ada).artifacts, 'f1')}`).toBe('before');
    expect(await later.for(ada).artifacts.get('f2')).toBeUndefined();
    expect(await later.for(ada).artifacts.list(runId('r1'))).toEqual([]);
  });

  test('an artifact is not there before it is whole, and replaces the one before in one step', async () => {
    await using store = (await open()).store;
    const { artifacts } = store.for(ada);
    await artifacts.put(newArtifact('f1', 'r1'), [Buffer.from('before')], LIMIT);
    const seen: string[] = [];

    async function* watched(): AsyncGenerator<Uint8Array, void> {
      for (let part = 0; part < 3; part += 1) {
        yield bytes(300_000);
        seen.push(`${await contentOf(artifacts, 'f1')}`, `${(await artifacts.list(runId('r1'))).length}`);
      }
    }
    await artifacts.put(newArtifact('f1', 'r1'), watched(), LIMIT);

    expect(new Set(seen)).toEqual(new Set(['before', '1']));
    expect(await artifacts.get('f1')).toMatchObject({ bytes: 900_000 });
    expect(await artifacts.list(runId('r1'))).toHaveLength(1);
  });

  test('of two uploads of one id made at once, the one that ends last stays, whole', async () => {
    await using store = (await open()).store;
    const { artifacts } = store.for(ada);

    const puts = ['a', 'b'].map((letter) => artifacts.put(newArtifact('f1'), [Buffer.alloc(600_000, letter)], LIMIT));
    await Promise.all(puts);

    const content = `${await contentOf(artifacts, 'f1')}`;
    expect(content).toHaveLength(600_000);
    expect(new Set(content).size).toBe(1);
    expect(sha256(Buffer.from(content))).toBe((await artifacts.get('f1'))?.digest);
  });

  test('a reader of an artifact that is replaced under its hands is told, not given a mixture', async () => {
    await using store = (await open()).store;
    const { artifacts } = store.for(ada);
    await artifacts.put(newArtifact('f1'), [bytes(600_000)], LIMIT);

    const reader = artifacts.read('f1')[Symbol.asyncIterator]();
    await reader.next();
    await artifacts.put(newArtifact('f1'), [bytes(600_000)], LIMIT);

    await expect(reader.next()).rejects.toMatchObject({ code: 'NOT_FOUND', details: { what: 'artifact', id: 'f1' } });
  });

  test('an upload whose run is deleted meanwhile keeps nothing', async () => {
    await using store = (await open()).store;
    const { artifacts, runs } = store.for(ada);
    await accept(store.for(ada), 'r1');

    async function* cut(): AsyncGenerator<Uint8Array, void> {
      yield bytes(600_000);
      await runs.delete(runId('r1'));
      yield bytes(600_000);
    }

    await expect(artifacts.put(newArtifact('f1', 'r1'), cut(), LIMIT)).rejects.toMatchObject({ code: 'NOT_FOUND' });
    expect(await artifacts.get('f1')).toBeUndefined();
  });

  test('a run’s artifacts are listed in the order they were made', async () => {
    await using store = (await open()).store;
    const { artifacts } = store.for(ada);
    for (const [id, run] of [
      ['f1', 'r1'],
      ['f2', 'r2'],
      ['f3', 'r1'],
      ['f4', undefined],
    ] as const) {
      await artifacts.put(newArtifact(id, run), [Buffer.from(id)], LIMIT);
    }

    expect((await artifacts.list(runId('r1'))).map(({ artifactId }) => artifactId)).toEqual(['f1', 'f3']);
    expect(await artifacts.list(runId('r3'))).toEqual([]);
  });

  test('a deleted artifact is gone, and can be put again', async () => {
    const opened = await open();
    await using store = opened.store;
    await store.for(ada).artifacts.put(newArtifact('f1'), [Buffer.from('a')], LIMIT);

    expect(await store.for(ada).artifacts.delete('f1')).toBe(true);
    expect(await store.for(ada).artifacts.delete('f1')).toBe(false);

    await using later = await again(opened);
    expect(await later.for(ada).artifacts.get('f1')).toBeUndefined();
    expect(await contentOf(later.for(ada).artifacts, 'f1')).toHaveLength(0);
    expect(await later.for(ada).artifacts.put(newArtifact('f1'), [Buffer.from('b')], LIMIT)).toMatchObject({
      bytes: 1,
    });
  });
}

/** Bytes that differ from place to place, so that a piece in the wrong place is seen. */
function bytes(count: number): Buffer {
  const content = Buffer.alloc(count);
  for (let at = 0; at + 4 <= count; at += 4) content.writeUInt32LE((at * 2_654_435_761) % 4_294_967_296, at);
  return content;
}

function sha256(content: Buffer): string {
  return createHash('sha256').update(content).digest('hex');
}

function* inParts(content: Buffer, sizes: readonly number[]): Generator<Uint8Array, void> {
  let at = 0;
  for (const size of sizes) {
    yield content.subarray(at, at + size);
    at += size;
  }
}

async function* endless(): AsyncGenerator<Uint8Array, void> {
  for (;;) yield bytes(300_000);
}

async function* failing(after: number, error: Error): AsyncGenerator<Uint8Array, void> {
  yield bytes(after);
  throw error;
}
