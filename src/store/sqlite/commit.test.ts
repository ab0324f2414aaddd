import { expect, test } from 'vitest';

import { ada, ALL, bob, delta, newRun } from '../../../test/contract/store/samples.ts';
import { runId, type Owner } from '../../context/ids.ts';
import type { Outcome } from '../log/outcome.ts';
import type { Write } from '../log/writes.ts';
import { commit } from './commit.ts';
import { IN_MEMORY, openMemory } from './memory.ts';
import { readEvents } from './run-log.ts';
import { perform } from './perform.ts';
import type { WritingConnection } from './writing-connection.ts';

/** SQLite keeps NaN as NULL, which the table refuses: a failure after the write has begun. */
const unwritable = { ...delta('b'), at: Number.NaN };

function openWithRuns(...ids: readonly string[]): WritingConnection {
  const db = openMemory(undefined);
  commit(
    db,
    IN_MEMORY,
    ids.map((id): Write => ({ name: 'accept', args: { owner: ada, run: newRun(id), epoch: id } })),
  );
  return db;
}

function append(id: string, generation: number, ...events: readonly ReturnType<typeof delta>[]): Write {
  return { name: 'append', args: { owner: ada, runId: runId(id), generation, after: 1, events } };
}

function headsOf(db: WritingConnection, ...ids: readonly string[]): number[] {
  return ids.map((id) => readEvents(db, ada, { runId: runId(id), after: 0, limit: ALL }).length);
}

function short(outcomes: readonly Outcome[]): unknown[] {
  return outcomes.map((outcome) => ('result' in outcome ? outcome.result : outcome.refusal.code));
}

test('W1: a refusal leaves its neighbours their commit', () => {
  using db = openWithRuns('r1', 'r2');

  const outcomes = commit(db, IN_MEMORY, [
    append('r1', 1, delta('a')),
    append('r2', 9, delta('a')),
    append('r2', 1, delta('a')),
  ]);

  expect(short(outcomes)).toEqual([2, 'LEASE_LOST', 2]);
  expect(headsOf(db, 'r1', 'r2')).toEqual([2, 2]);
});

test('W1: every refusal changes nothing', () => {
  using db = openWithRuns('r1');
  const before = db.get('SELECT total_changes() AS changes');
  const args = {
    owner: ada,
    artifact: { artifactId: 'f', runId: undefined, kind: '', title: '', mediaType: '', createdAt: 0 },
    place: 1,
  };

  const outcomes = commit(db, IN_MEMORY, [
    append('nobody', 1, delta('a')),
    append('r1', 9, delta('a')),
    { name: 'append', args: { owner: ada, runId: runId('r1'), generation: 1, after: 7, events: [delta('a')] } },
    append('r1', 1, { type: 'agent_completed', at: 1, data: '{}' }, delta('a')),
    {
      name: 'putCommand',
      args: { owner: ada, command: { commandId: 'c', runId: runId('nobody'), op: 'run.cancel', args: '{}', at: 1 } },
    },
    { name: 'piece', args: { ...args, upload: 99, content: new Uint8Array(1), whole: undefined } },
  ]);

  expect(short(outcomes)).toEqual(['NOT_FOUND', 'LEASE_LOST', 'LOG_CONFLICT', 'RUN_ENDED', 'NOT_FOUND', 'NOT_FOUND']);
  expect(db.get('SELECT total_changes() AS changes')).toEqual(before);
});

test('W2: a write that fails half-way is taken back whole, and fails alone', () => {
  using db = openWithRuns('r1', 'r2', 'r3');

  const outcomes = commit(db, IN_MEMORY, [
    append('r1', 1, delta('a')),
    append('r2', 1, delta('a'), unwritable),
    append('r3', 1, delta('a')),
  ]);

  expect(short(outcomes)).toEqual([2, 'STORE_FAILED', 2]);
  expect(outcomes[1]).toMatchObject({
    refusal: { details: { operation: 'append', reason: 'NOT NULL constraint failed: events.at' } },
  });
  expect(headsOf(db, 'r1', 'r2', 'r3')).toEqual([2, 1, 2]);
});

test('what is remembered of a log is forgotten with the transaction that wrote it', () => {
  using db = openWithRuns('r1', 'r2');
  const group = [append('r1', 1, delta('a')), append('r2', 1, delta('a'), unwritable)];

  expect(() => db.transaction(() => group.map((write) => perform(db, write)))).toThrow('NOT NULL');
  const outcomes = commit(db, IN_MEMORY, [append('r1', 1, delta('a')), append('r2', 1, delta('b'))]);

  expect(short(outcomes)).toEqual([2, 2]);
});

test('an upload is continued by its owner only, and its key is not used again', () => {
  using db = openWithRuns();
  const artifact = { artifactId: 'f', runId: undefined, kind: '', title: '', mediaType: '', createdAt: 0 };
  const piece = (owner: Owner, upload: number | undefined): Write => ({
    name: 'piece',
    args: {
      owner,
      artifact,
      upload,
      place: upload === undefined ? 0 : 1,
      content: new Uint8Array(1),
      whole: undefined,
    },
  });
  const drop = (owner: Owner, upload: number): Write => ({ name: 'dropUpload', args: { owner, upload } });

  const first = Number(short(commit(db, IN_MEMORY, [piece(ada, undefined)]))[0]);
  const strange = commit(db, IN_MEMORY, [piece(bob, first), drop(bob, first), piece(ada, first)]);
  const next = commit(db, IN_MEMORY, [drop(ada, first), piece(ada, undefined), piece(ada, first)]);

  expect(short(strange)).toEqual(['NOT_FOUND', undefined, first]);
  expect(short(next)).toEqual([undefined, first + 1, 'NOT_FOUND']);
});
