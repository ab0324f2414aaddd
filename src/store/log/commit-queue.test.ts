import { expect, test } from 'vitest';

import { ada, delta, newRun } from '../../../test/contract/store/samples.ts';
import { EnginehouseError } from '../../base/errors.ts';
import { runId } from '../../context/ids.ts';
import { IN_MEMORY, openMemory } from '../sqlite/memory.ts';
import { InlineWriter } from '../sqlite/inline-writer.ts';
import { CommitQueue } from './commit-queue.ts';
import type { Outcome } from './outcome.ts';
import type { Writer } from './writer.ts';
import type { Write } from './writes.ts';

/** Writes as a store in memory does, when told to, and notes the size of each group. */
class SteppedWriter implements Writer {
  readonly groups: number[] = [];
  readonly #writer = new InlineWriter(openMemory(undefined), IN_MEMORY);
  #held = Promise.resolve();

  /** Holds every commit from now on, until the returned function is called. */
  hold(): () => void {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#held = promise;
    return resolve;
  }

  async commit(writes: readonly Write[]): Promise<readonly Outcome[]> {
    this.groups.push(writes.length);
    await this.#held;
    return this.#writer.commit(writes);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#writer[Symbol.asyncDispose]();
  }
}

function append(after: number, text: string): Write<'append'> {
  return { name: 'append', args: { owner: ada, runId: runId('r1'), generation: 1, after, events: [delta(text)] } };
}

const accept = { name: 'accept', args: { owner: ada, run: newRun('r1'), epoch: 'e1' } } as const;

test('Q1: writes made together share a commit, and what comes while it is under way shares the next', async () => {
  await using writer = new SteppedWriter();
  const queue = new CommitQueue(writer, { commitBytes: 65_536 });
  const release = writer.hold();

  const first = [queue.submit(accept), queue.submit(append(1, 'a'))];
  await Promise.resolve();
  const second = [2, 3, 4].map((after) => queue.submit(append(after, 'b')));
  release();

  expect(await Promise.all([...first.slice(1), ...second])).toEqual([2, 3, 4, 5]);
  expect(writer.groups).toEqual([2, 3]);
});

test('Q1: a commit takes at most commitBytes, or one write that is larger', async () => {
  await using writer = new SteppedWriter();
  const queue = new CommitQueue(writer, { commitBytes: 65_536 });
  await queue.submit(accept);
  const sizes = [30_000, 30_000, 30_000, 90_000, 10, 10];

  const heads = await Promise.all(sizes.map((size, index) => queue.submit(append(index + 1, 'é'.repeat(size / 2)))));

  expect(heads).toEqual([2, 3, 4, 5, 6, 7]);
  expect(writer.groups.slice(1)).toEqual([2, 1, 1, 2]);
});

test('Q2: a write is answered after its commit, and not before', async () => {
  await using writer = new SteppedWriter();
  const queue = new CommitQueue(writer, { commitBytes: 65_536 });
  const release = writer.hold();
  const order: string[] = [];

  const answered = queue.submit(accept).then(() => order.push('answered'));
  await Promise.resolve();
  await Promise.resolve();
  order.push('released');
  release();
  await answered;

  expect(order).toEqual(['released', 'answered']);
});

test('a writer that fails fails the group it was given, and the queue goes on', async () => {
  await using writer = new SteppedWriter();
  const failing: Writer = {
    commit: async (writes) => {
      if (writes.length > 1)
        throw new EnginehouseError('STORE_FAILED', 'the thread ended', { operation: 'commit', reason: 'ended' });
      return writer.commit(writes);
    },
    [Symbol.asyncDispose]: async () => undefined,
  };
  const queue = new CommitQueue(failing, { commitBytes: 65_536 });

  const ends = await Promise.allSettled([queue.submit(accept), queue.submit(append(1, 'a'))]);

  expect(ends.map((end) => end.status === 'rejected' && end.reason.code)).toEqual(['STORE_FAILED', 'STORE_FAILED']);
  expect(await queue.submit(accept)).toMatchObject({ created: true });
});

test('drained resolves when all that was submitted is answered', async () => {
  await using writer = new SteppedWriter();
  const queue = new CommitQueue(writer, { commitBytes: 65_536 });
  let answers = 0;
  for (const write of [accept, append(1, 'a'), append(2, 'b')]) void queue.submit(write).then(() => (answers += 1));

  await queue.drained();

  expect(answers).toBe(3);
  await queue.drained();
});
