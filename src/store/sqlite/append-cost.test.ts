/** L1: appending event 10,000 costs what appending event 10 did. Counted in work, not in time. */

import { statSync } from 'node:fs';
import { mkdtempDisposable } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';

import { ada, ALL, completed, crcOf, delta, newRun } from '../../../test/contract/store/samples.ts';
import { Connection } from './connection.ts';
import { openForWriting } from './file.ts';
import { appendEvents, readEvents } from './run-log.ts';
import { acceptRun } from './runs.ts';
import { migrate } from './schema.ts';

/** Notes each statement that is run, with its plan. */
class WatchedConnection extends Connection {
  readonly plans: string[] = [];

  override get(...call: Parameters<Connection['get']>): ReturnType<Connection['get']> {
    this.#note(call);
    return super.get(...call);
  }

  override run(...call: Parameters<Connection['run']>): number {
    this.#note(call);
    return super.run(...call);
  }

  #note([sql, ...values]: Parameters<Connection['get']>): void {
    if (/^(BEGIN|COMMIT)/.test(sql)) return;
    const plan = super.all(`EXPLAIN QUERY PLAN ${sql}`, ...values).map(({ detail }) => detail);
    this.plans.push(`${sql.split(' ', 1)[0]}: ${plan.join('; ')}`);
  }
}

test('an append of one event is three statements, each of which goes straight to its rows', () => {
  using db = new WatchedConnection(':memory:', { busyTimeoutMs: 0 });
  migrate(db);
  const { run } = acceptRun(db, { owner: ada, run: newRun('r1'), epoch: 'e1' });
  const append = { owner: ada, runId: run.runId, generation: 1 };
  db.plans.length = 0;

  appendEvents(db, { ...append, after: 1, events: [delta('a')] });

  expect(db.plans).toEqual([
    'SELECT: SEARCH r USING COVERING INDEX sqlite_autoindex_runs_1 (tenant_id=? AND user_id=? AND run_id=?); SEARCH h USING INTEGER PRIMARY KEY (rowid=?)',
    'INSERT: ',
    'UPDATE: SEARCH heads USING INTEGER PRIMARY KEY (rowid=?)',
  ]);
  appendEvents(db, { ...append, after: 2, events: [completed] });
  expect(
    db.plans.filter((plan) => plan.includes('SCAN r') || plan.includes('SCAN heads') || plan.includes('SCAN threads')),
  ).toEqual([]);
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
  expect(db.get('SELECT crc FROM heads')).toEqual({ crc: crcOf(events) });
});
