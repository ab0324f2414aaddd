import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';

import { userContext } from '../../test/support/analyst-house.ts';
import { ownAnalystHouse } from '../../test/support/own-analyst-house.ts';
import type { UserExecutionEngine } from '../engine/user-execution-engine.ts';
import type { LoadContext } from './load-ledger.ts';
import { loadLedger } from './load-ledger.ts';
import { profileLedger } from './profile-ledger.ts';
import type { AnalystSession } from './tables.ts';

const ROWS = 60_000;
const LEDGER = new TextEncoder().encode(
  `time,input_tokens,output_tokens\n${Array.from({ length: ROWS }, (_, at) => `2026-09-14T10:00:00Z,${at},1\n`).join('')}nonsense\n`,
);
const DIGEST = createHash('sha256').update(LEDGER).digest('hex');
const PIECE = 65_536;
const PIECES = Math.ceil(LEDGER.length / PIECE);

interface Reading {
  readonly context: LoadContext;
  readonly progress: unknown[];
}

/** The ledger as an artifact of the engine's user, whose reading fails after `whole` pieces. */
function reading(engine: UserExecutionEngine, whole = PIECES, signal = new AbortController().signal): Reading {
  const progress: unknown[] = [];
  const artifact = {
    artifactId: 'a',
    runId: undefined,
    kind: 'file',
    title: 'ledger.csv',
    mediaType: 'text/csv',
    createdAt: 0,
    bytes: LEDGER.length,
    digest: DIGEST,
  };
  async function* read(): AsyncGenerator<Uint8Array> {
    for (let piece = 0; piece < PIECES; piece += 1) {
      if (piece === whole) throw new Error('the power went');
      yield LEDGER.subarray(piece * PIECE, (piece + 1) * PIECE);
    }
  }
  return {
    progress,
    context: {
      database: engine.databaseSessionManager,
      artifacts: {
        get: () => Promise.resolve(artifact),
        read,
        create: () => Promise.reject(new Error('nothing is written')),
      },
      signal,
      progress: (step) => {
        progress.push(step);
        return Promise.resolve();
      },
    },
  };
}

function rowsIn(engine: UserExecutionEngine): Promise<number> {
  return engine.databaseSessionManager.transaction(async (db: AnalystSession) => {
    const { rows } = await db
      .selectFrom('enginehouse_analyst_row')
      .select((row) => row.fn.countAll<number>().as('rows'))
      .executeTakeFirstOrThrow();
    return rows;
  });
}

test('a load keeps each row, counts the bad ones, and says how far it is', async () => {
  await using runtime = await ownAnalystHouse();
  await using engine = await runtime.factory.createForUser(userContext('ada', 'r'));
  const { context, progress } = reading(engine);

  const loaded = await loadLedger('a', context);

  expect(loaded).toEqual({
    digest: DIGEST,
    format: 'csv',
    columns: { time: ['time'], inputTokens: ['input_tokens'], outputTokens: ['output_tokens'], model: [] },
    bytes: LEDGER.length,
    badRows: {
      count: 1,
      first: [{ line: ROWS + 2, reason: 'the row has 1 columns, the header 3', value: 'nonsense' }],
    },
  });
  expect(await rowsIn(engine)).toBe(ROWS);
  expect(progress).toEqual([
    { rows: expect.any(Number), badRows: 0, bytes: expect.any(Number), totalBytes: LEDGER.length },
    { rows: ROWS, badRows: 1, bytes: LEDGER.length, totalBytes: LEDGER.length },
  ]);
});

test.each([0, 1, PIECES - 1])(
  'L1: a load that was cut off after %i pieces and run again leaves each row once',
  async (whole) => {
    await using runtime = await ownAnalystHouse();
    await using engine = await runtime.factory.createForUser(userContext('ada', 'r'));

    await expect(loadLedger('a', reading(engine, whole).context)).rejects.toThrow('the power went');
    const cutOff = await rowsIn(engine);
    await expect(profileLedger(DIGEST, reading(engine).context)).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await loadLedger('a', reading(engine).context);

    expect(cutOff).toBe(whole === PIECES - 1 ? 50_098 : 0);
    expect(await rowsIn(engine)).toBe(ROWS);
    expect(await profileLedger(DIGEST, reading(engine).context)).toMatchObject({
      requests: ROWS,
      inputTokens: (ROWS * (ROWS - 1)) / 2,
      outputTokens: ROWS,
    });
  },
);

test('L1: two loads of one file side by side leave each row once', async () => {
  await using runtime = await ownAnalystHouse();
  await using one = await runtime.factory.createForUser(userContext('ada', 'one'));
  await using two = await runtime.factory.createForUser(userContext('ada', 'two'));

  const loaded = await Promise.all([loadLedger('a', reading(one).context), loadLedger('a', reading(two).context)]);

  expect(loaded[0]).toEqual(loaded[1]);
  expect(await rowsIn(one)).toBe(ROWS);
});

test('L2: a ledger that is complete is not read again', async () => {
  await using runtime = await ownAnalystHouse();
  await using engine = await runtime.factory.createForUser(userContext('ada', 'r'));
  const first = await loadLedger('a', reading(engine).context);

  const second = reading(engine, 0);

  expect(await loadLedger('a', second.context)).toEqual(first);
  expect(second.progress).toEqual([]);
});

test('a load whose signal aborts stops, and leaves no complete ledger', async () => {
  await using runtime = await ownAnalystHouse();
  await using engine = await runtime.factory.createForUser(userContext('ada', 'r'));
  const stop = new AbortController();
  const { context } = reading(engine, PIECES, stop.signal);

  const load = loadLedger('a', { ...context, progress: () => Promise.resolve(stop.abort(new Error('cancelled'))) });

  await expect(load).rejects.toThrow('cancelled');
  await expect(profileLedger(DIGEST, reading(engine).context)).rejects.toMatchObject({ code: 'NOT_FOUND' });
});
