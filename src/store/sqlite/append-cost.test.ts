/** L1: appending event 10,000 costs what appending event 10 did. Counted in work, not in time. */

import { statSync } from 'node:fs';
import { mkdtempDisposable } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';

import { ada, ALL, completed, crcOf, delta, newRun } from '../../../test/contract/store/samples.ts';
import { openForWriting } from './file.ts';
import { appendEvents, readEvents } from './run-log.ts';
import { acceptRun } from './runs.ts';
import { migrate } from './schema.ts';
import { WritingConnection } from './writing-connection.ts';

/** Notes each statement that is run, with its plan. */
class WatchedConnection extends WritingConnection {
  readonly plans: string[] = [];

  override get(...call: Parameters<WritingConnection['get']>): ReturnType<WritingConnection['get']> {
    this.#note(call);
    return super.get(...call);
  }

  override run(...call: Parameters<WritingConnection['run']>): number {
    this.#note(call);
    return super.run(...call);
  }

  #note([sql, ...values]: Parameters<WritingConnection['get']>): void {
    if (/^(BEGIN|COMMIT)/.test(sql)) return;
    const plan = super.all(`EXPLAIN QUERY PLAN ${sql}`, ...values).map(({ detail }) => detail);
    this.plans.push(`${sql.split(' ', 1)[0]}: ${plan.join('; ')}`);
  }
}

test('L1: an append is one statement per event; the first also looks up, straight to its rows, where the log stands', () => {
  using db = new WatchedConnection(':memory:', { busyTimeoutMs: 0 });
  migrate(db);
  const { run } = acceptRun(db, { owner: ada, run: newRun('r1'), epoch: 'e1' });
  const append = { owner: ada, runId: run.runId, generation: 1 };
  db.plans.length = 0;

  appendEvents(db, { ...append, after: 1, events: [delta('a')] });
  appendEvents(db, { ...append, after: 2, events: [delta('b'), delta('c')] });

  expect(db.plans).toEqual([
    expect.stringMatching(
      /^SELECT: SEARCH r [^;]*; SEARCH e [^;]*\(run=\? AND seq=\?\); [^;]*; SEARCH events [^;]*\(run=\?\); SEARCH s /,
    ),
    'INSERT: ',
    'INSERT: ',
    'INSERT: ',
  ]);
  appendEvents(db, { ...append, after: 4, events: [completed] });
  expect(db.plans.filter((plan) => plan.includes('SCAN'))).toEqual([]);
});

test('10,000 appends write as many bytes each at the end as at the beginning', async () => {
  await using folder = await mkdtempDisposable(join(tmpdir(), 'enginehouse-cost-'));
  const file = join(folder.path, 'log.sqlite');
  using db = openForWriting(file, undefined);
  migrate(db);
  // What is written is counted, so nothing is folded away meanwhile, and the disk need not be waited for.
  db.exec('PRAGMA wal_autocheckpoint = 0; PRAGMA synchronous = OFF');
  const { run } = acceptRun(db, { owner: ada, run: newRun('r1'), epoch: 'e1' });
  const written = (): number => statSync(`${file}-wal`).size;

  const costs: number[] = [];
  for (let after = 1; after <= 10_000;) {
    const before = written();
    for (const end = after + 1_000; after < end; after += 1) {
      const append = { owner: ada, runId: run.runId, generation: 1, after, events: [delta('x'.repeat(150))] };
      db.transaction(() => appendEvents(db, append));
    }
    costs.push((written() - before) / 1_000);
  }

  const [first = 0, ...later] = costs;
  expect(later.filter((cost) => cost > first * 1.05)).toEqual([]);
  const events = readEvents(db, ada, { runId: run.runId, after: 0, limit: ALL });
  expect(events).toHaveLength(10_001);
  expect(db.get('SELECT crc FROM events ORDER BY seq DESC LIMIT 1')).toEqual({ crc: crcOf(events) });
});
