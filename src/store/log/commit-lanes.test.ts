import { expect, test } from 'vitest';

import { ada, bob } from '../../../test/contract/store/samples.ts';
import { userId, type Owner } from '../../context/ids.ts';
import { CommitLanes } from './commit-lanes.ts';
import { CommitQueue } from './commit-queue.ts';
import type { Outcome } from './outcome.ts';
import type { Writer } from './writer.ts';
import type { Write } from './writes.ts';

/** Answers every write with nothing, once it may, and notes whose they were. */
class NotingWriter implements Writer {
  readonly groups: string[][] = [];
  readonly #gate = Promise.withResolvers<void>();

  open(): void {
    this.#gate.resolve();
  }

  async commit(writes: readonly Write[]): Promise<readonly Outcome[]> {
    this.groups.push(writes.map(({ args }) => ('owner' in args ? args.owner.userId : 'nobody')));
    await this.#gate.promise;
    return writes.map(() => ({ result: undefined }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.open();
  }
}

function lanesOf(...writers: readonly [Writer, ...Writer[]]): CommitLanes {
  const [first, ...others] = writers.map((writer) => new CommitQueue(writer, { commitBytes: 65_536 }));
  if (first === undefined) throw new Error('no lane');
  return new CommitLanes(first, ...others);
}

function applied(owner: Owner, seq = 1): Write<'applied'> {
  return { name: 'applied', args: { owner, commandId: 'c', seq } };
}

test('owners commit at the same time, and each owner’s writes in their order', async () => {
  const [one, two] = [new NotingWriter(), new NotingWriter()];
  const lanes = lanesOf(one, two);
  const owners = Array.from({ length: 40 }, (_, index): Owner => ({ ...ada, userId: userId(`u${index}`) }));
  one.open();

  const writes = owners.flatMap((owner) => [1, 2].map((seq) => lanes.submit(applied(owner, seq))));
  await Promise.race(writes);

  expect(one.groups).toHaveLength(1);
  expect(two.groups).toHaveLength(1);
  const [left, right] = [one.groups.flat(), two.groups.flat()];
  expect([...left, ...right]).toHaveLength(80);
  expect(left.filter((owner) => right.includes(owner))).toEqual([]);
  expect(Math.min(left.length, right.length)).toBeGreaterThan(10);
  two.open();
  await Promise.all(writes);
});

test('what has no owner goes through the first lane', async () => {
  const [one, two] = [new NotingWriter(), new NotingWriter()];
  one.open();

  await lanesOf(one, two).submit({ name: 'dropLeftovers', args: {} });

  expect([one.groups, two.groups]).toEqual([[['nobody']], []]);
});

test('drained waits for every lane', async () => {
  const [one, two] = [new NotingWriter(), new NotingWriter()];
  const lanes = lanesOf(one, two);
  let answered = 0;
  for (const owner of [ada, bob])
    for (const seq of [1, 2]) void lanes.submit(applied(owner, seq)).then(() => (answered += 1));

  one.open();
  two.open();
  await lanes.drained();

  expect(answered).toBe(4);
});
