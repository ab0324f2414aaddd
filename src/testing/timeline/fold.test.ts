import { expect, test } from 'vitest';

import { TimelineHouse } from '../../../test/support/timeline-house.ts';
import { accepted, begins, completed, ends, failed, started, written } from '../../../test/support/written-log.ts';
import { runId } from '../../context/ids.ts';
import { disagreements, foldOf, type FoldedRecord } from './fold.ts';

test('folding the log of a real run gives the row that the store keeps beside it', async () => {
  await using house = await TimelineHouse.open();
  const alice = house.user('alice');
  for (const [agent, input] of [
    ['clerk', { sku: 'otter' }],
    ['clumsy', {}],
  ] as const) {
    const { events, record } = await house.run(alice.context(), agent, input);
    expect(disagreements(record, events)).toEqual([]);
    expect(foldOf(events)).toEqual({
      status: record.status,
      crc: record.crc,
      head: record.head,
      endedAt: record.endedAt,
    });
  }
});

test('a run that is under way folds to its row as well', async () => {
  await using house = await TimelineHouse.open();
  const context = house.user('alice').context();
  const run = await house.start(context, 'patient');
  for await (const { type } of run) if (type === 'tool_progress') break;

  expect(disagreements(await house.record(context, run.runId), await house.log(context, run.runId))).toEqual([]);
  await run.cancel();
  await run.result;
});

test('each part of a row that its events do not tell is named', () => {
  const events = written(accepted, started, begins('a#0'), ends('a#0'), completed);
  const { status, crc, head, endedAt } = foldOf(events);
  const row: FoldedRecord = {
    status,
    crc,
    head,
    endedAt,
    agent: 'boss',
    version: '1',
    acceptedAt: 1_763_800_000_000,
    parentRunId: undefined,
  };

  expect(disagreements(row, events)).toEqual([]);
  expect(disagreements({ ...row, status: 'failed' }, events)).toEqual([
    "status is failed in the run's row, and completed by its events",
  ]);
  expect(disagreements({ ...row, crc: row.crc + 1 }, events)).toHaveLength(1);
  expect(disagreements({ ...row, head: 4, endedAt: undefined }, events)).toHaveLength(2);
  expect(disagreements({ ...row, agent: 'clerk', version: '2', acceptedAt: 1 }, events)).toHaveLength(3);
  expect(disagreements({ ...row, parentRunId: runId('r1') }, events)).toHaveLength(1);
  expect(disagreements(row, [])).toHaveLength(7);
});

test('an event that changed changes the fold', () => {
  const events = written(accepted, started, failed);
  const other = written(accepted, { ...started, data: { agent: 'boss', attempt: 2 } } as typeof started, failed);

  expect(foldOf(other).crc).not.toBe(foldOf(events).crc);
  expect(foldOf(events).status).toBe('failed');
  expect(foldOf([])).toEqual({ status: 'queued', crc: 0, head: 0, endedAt: undefined });
});
