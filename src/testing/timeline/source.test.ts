import { expect, test } from 'vitest';

import { TimelineHouse } from '../../../test/support/timeline-house.ts';
import { accepted, childBegins, childEnds, completed, written } from '../../../test/support/written-log.ts';
import { asyncScope } from '../../base/async-scope.ts';
import { knowReader, readerInScope, readerOf } from './readers.ts';
import { eventsOf, readRun } from './source.ts';

test('a run is read to its end, from its starter and from a client', async () => {
  await using house = await TimelineHouse.open();
  const alice = house.user('alice');
  const followed = (await alice.client()).start('clumsy', {});
  const started = await house.start(alice.context(), 'clumsy');

  const events = await eventsOf(followed);

  expect(events).toEqual(await house.log(alice.context(), followed.id));
  expect(await eventsOf(started)).toEqual(await house.log(alice.context(), started.runId));
});

test('O1: a run that does not end is given up, with its timeline so far', async () => {
  await using house = await TimelineHouse.open();
  const alice = house.user('alice');
  const client = await alice.client();
  const run = await house.start(alice.context(), 'patient');
  for await (const { type } of run) if (type === 'tool_progress') break;

  for (const source of [run, client.run(run.runId)]) {
    await expect(eventsOf(source, { timeoutMs: 100 })).rejects.toMatchObject({
      code: 'DEADLINE',
      details: { what: `run ${run.runId}`, timeoutMs: 100 },
      message: expect.stringMatching(
        /^run \S+ did not end within 100 ms; its timeline so far:\n1 {2}\+0 ms {2}run_accepted .*\n2 (?:.*\n)*.* tool_progress \S+$/,
      ) as unknown,
    });
  }
  await run.cancel();
  await run.result;
});

test('a run that is refused throws what refused it', async () => {
  await using house = await TimelineHouse.open();
  const client = await house.user('alice').client();

  await expect(eventsOf(client.start('nobody', {}))).rejects.toMatchObject({ code: 'AGENT_UNKNOWN' });
});

test('child runs are read to the bottom, in pages', async () => {
  await using house = await TimelineHouse.open();
  const context = house.user('alice').context();
  const { run, events } = await house.run(context, 'clerk', { sku: 'otter' });

  const read = await readRun(run, { reader: house.readerFor(context) });

  expect(read.runId).toBe(run.runId);
  expect([...read.children.values()].map((child) => child.at(-1)?.type)).toEqual(['agent_completed']);
  expect((await readRun(events)).children.size).toBe(0);
});

test('a log that is longer than a page is read whole', async () => {
  const log = written(accepted, ...Array.from({ length: 2_500 }, () => completed));
  const reads: number[] = [];
  const reader = readerOf({
    read: (_run, after, limit) => {
      reads.push(after);
      return Promise.resolve(log.slice(after, after + limit));
    },
  });

  expect(await reader('r1')).toEqual(log);
  expect(reads).toEqual([0, 1_000, 2_000]);
});

test('child runs are read by whoever knows the runs of the scope’s factory', async () => {
  const events = written(accepted, childBegins('r2', 'kid'), childEnds('r2', 'kid'), completed);
  const child = written(accepted, completed);
  const factory = {};
  knowReader(factory, (id) => (id === 'r2' ? child : []));

  expect(await asyncScope.run({ factory }, () => readRun(events))).toMatchObject({
    children: new Map([['r2', child]]),
  });
  expect(asyncScope.run({ factory: {} }, readerInScope)).toBeUndefined();
});

test('what is no run has no timeline', async () => {
  for (const given of ['r1', undefined, { id: 'r1' }, 7]) {
    // What a test without types may give.
    await expect(Reflect.apply(eventsOf, undefined, [given])).rejects.toMatchObject({
      code: 'TEST_KIT_MISUSED',
      message: expect.stringMatching(/^a timeline is of a run or of its events, got /) as unknown,
    });
  }
});
