import { expect, test } from 'vitest';

import { isEnginehouseError } from '../base/errors.ts';
import type { BadRow, LedgerBatch, LedgerRow } from './ledger-row.ts';
import { readLedger } from './read-ledger.ts';

async function* bytes(content: string | Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  const all = typeof content === 'string' ? new TextEncoder().encode(content) : content;
  for (let at = 0; at < all.length; at += size) yield all.subarray(at, at + size);
}

interface Read {
  readonly rows: readonly LedgerRow[];
  readonly badRows: readonly BadRow[];
  readonly last: LedgerBatch | undefined;
}

async function read(content: string | Uint8Array, size = 65_536): Promise<Read> {
  const batches: LedgerBatch[] = [];
  for await (const batch of readLedger(bytes(content, size), 'ledger.csv')) batches.push(batch);
  return {
    rows: batches.flatMap(({ rows }) => rows),
    badRows: batches.flatMap(({ badRows }) => badRows),
    last: batches.at(-1),
  };
}

async function refusal(content: string | Uint8Array): Promise<string> {
  try {
    await read(content);
  } catch (error) {
    if (isEnginehouseError(error, 'LEDGER_INVALID')) return error.details.reason;
    throw error;
  }
  throw new Error('the ledger was read');
}

const AT = Date.UTC(2023, 10, 16, 18, 15, 46, 680);
const FIRST = { line: 2, at: AT, model: '', inputTokens: 374, outputTokens: 44 };

test.each([1, 7, 65_536])('the Azure trace is read as it is, in pieces of %i bytes', async (size) => {
  const trace =
    'TIMESTAMP,ContextTokens,GeneratedTokens\r\n2023-11-16 18:15:46.6805900,374,44\r\n2023-11-16 18:15:50.9951690,396,109';

  const { rows, badRows, last } = await read(trace, size);

  expect(rows).toEqual([FIRST, { line: 3, at: AT + 4_315, model: '', inputTokens: 396, outputTokens: 109 }]);
  expect(badRows).toEqual([]);
  expect(last).toMatchObject({
    format: 'csv',
    columns: { time: ['TIMESTAMP'], inputTokens: ['ContextTokens'], outputTokens: ['GeneratedTokens'], model: [] },
    bytes: trace.length,
  });
});

test.each([
  ['semicolons', 'time;input_tokens;output_tokens\n2023-11-16 18:15:46.68;374;44\n'],
  ['tabs', 'time\tinput_tokens\toutput_tokens\n2023-11-16 18:15:46.68\t374\t44\n'],
  ['quotes', '"time","input_tokens","output_tokens"\n"2023-11-16 18:15:46.68","374","44"\n'],
  ['a byte order mark', '\uFEFFtime,input_tokens,output_tokens\n2023-11-16 18:15:46.68,374,44\n'],
  ['further columns', 'user,time,input_tokens,prompt,output_tokens\nada,2023-11-16 18:15:46.68,374,"Hi,\nyou",44\n'],
  ['an empty column at the end', 'time,input_tokens,output_tokens\n2023-11-16 18:15:46.68,374,44,\n'],
])('a CSV with %s is read', async (_what, ledger) => {
  const { rows, badRows } = await read(ledger);

  expect(badRows).toEqual([]);
  expect(rows).toEqual([FIRST]);
});

test('JSONL is read, and its rows may differ in shape', async () => {
  const ledger = [
    { timestamp: AT, model: 'gpt-4o', input_tokens: 1, output_tokens: 2 },
    { created: Math.floor(AT / 1_000), model: 'gpt-4.1', usage: { prompt_tokens: 3, completion_tokens: 4 } },
    {
      id: 'x',
      response: { created: Math.floor(AT / 1_000), usage: { input_tokens: 5, output_tokens: 6 } },
      messages: [{ time: 1 }],
    },
  ]
    .map((row) => JSON.stringify(row))
    .join('\n\n');

  const { rows, badRows, last } = await read(ledger);

  expect(badRows).toEqual([]);
  expect(rows).toEqual([
    { line: 1, at: AT, model: 'gpt-4o', inputTokens: 1, outputTokens: 2 },
    { line: 3, at: AT - 680, model: 'gpt-4.1', inputTokens: 3, outputTokens: 4 },
    { line: 5, at: AT - 680, model: '', inputTokens: 5, outputTokens: 6 },
  ]);
  expect(last?.columns).toEqual({
    time: ['timestamp', 'created', 'response.created'],
    inputTokens: ['input_tokens', 'usage.prompt_tokens', 'response.usage.input_tokens'],
    outputTokens: ['output_tokens', 'usage.completion_tokens', 'response.usage.output_tokens'],
    model: ['model'],
  });
});

test('a bad row of a CSV is named by its line, with the reason and what stood there', async () => {
  const good = '2023-11-16 18:15:46.68,374,44';
  const ledger = [
    'time,input,input_tokens,output_tokens',
    '2023-11-16 18:15:46.68,x,374,44',
    'yesterday,x,1,2',
    '2023-11-16 18:15:46,x,-1,2',
    '2023-11-16 18:15:46,x,1,',
    good,
    `2023-11-16 18:15:46,x,${'9'.repeat(200)},2`,
    '2023-11-16 18:15:46,"x,1,2',
    '2023-11-16 18:15:46,x,1,2,3',
  ].join('\n');

  const { rows, badRows } = await read(ledger);

  expect(rows).toEqual([FIRST]);
  expect(badRows).toEqual([
    { line: 3, reason: 'time is not a time between 2000 and 2100', value: 'yesterday' },
    { line: 4, reason: 'input_tokens is not a whole number from 0 to 100000000', value: '-1' },
    { line: 5, reason: 'output_tokens is empty', value: '' },
    { line: 6, reason: 'the row has 3 columns, the header 4', value: good },
    { line: 7, reason: 'input_tokens is not a whole number from 0 to 100000000', value: '9'.repeat(100) },
    { line: 8, reason: 'a quote is not closed', value: '2023-11-16 18:15:46,"x,1,2' },
    { line: 9, reason: 'the row has 5 columns, the header 4', value: '2023-11-16 18:15:46,x,1,2,3' },
  ]);
});

test('a bad row of JSONL is named by its line', async () => {
  const ledger = [
    `{"time":${AT},"input_tokens":374,"output_tokens":44}`,
    '{"time":',
    '[1,2]',
    `{"time":${AT},"output_tokens":44}`,
    `{"time":${AT},"input_tokens":{"a":1},"output_tokens":44}`,
    `{"time":${AT},"input_tokens":[1],"output_tokens":44}`,
    `{"time":${AT},"input_tokens":null,"output_tokens":44}`,
  ].join('\n');

  const { rows, badRows } = await read(ledger);

  expect(rows).toEqual([{ ...FIRST, line: 1 }]);
  expect(badRows.map(({ line, reason }) => [line, reason])).toEqual([
    [2, 'the line is not a JSON object'],
    [3, 'the line is not a JSON object'],
    [4, 'the row has no input tokens'],
    [5, 'the row has no input tokens'],
    [6, 'input_tokens is not a whole number from 0 to 100000000'],
    [7, 'input_tokens is empty'],
  ]);
});

test.each([
  ['nothing', '', 'it is empty'],
  ['blank lines', '\n \r\n\n', 'it is empty'],
  ['a header alone', 'time,input_tokens,output_tokens\n', 'it has a header and no rows'],
  [
    'prose',
    'Dear all,\nhere is the ledger\n',
    'the first line names the columns "Dear all", "", without time, input tokens, output tokens',
  ],
  [
    'no column of output',
    'time,input_tokens\n1,2\n',
    'the first line names the columns "time", "input_tokens", without output tokens',
  ],
  ['a JSON array', '[{"time":1}]', 'it is a JSON array; write one object per line, without the brackets around them'],
  [
    'pretty-printed JSON',
    '{\n"time": 1\n}\n',
    'none of its 3 rows can be read; line 1: the line is not a JSON object, found "{"',
  ],
  [
    'only bad rows',
    'time,input_tokens,output_tokens\nx,1,2\n',
    'none of its 1 rows can be read; line 2: time is not a time between 2000 and 2100, found "x"',
  ],
  ['a binary file', new Uint8Array([0x89, 0x50, 0x4e, 0x47, 0, 0, 0, 13]), 'it is a binary file'],
  [
    'a workbook',
    new Uint8Array([0x50, 0x4b, 3, 4, 20, 0]),
    'it is a zip archive or an Excel workbook; export the sheet as CSV',
  ],
  ['gzip', new Uint8Array([0x1f, 0x8b, 8, 0]), 'it is compressed with gzip; unpack it first'],
  ['UTF-16', new Uint8Array([0xff, 0xfe, 0x61, 0]), 'it is UTF-16 text; save it as UTF-8'],
])('%s is no ledger', async (_what, content, reason) => {
  expect(await refusal(content)).toBe(reason);
});

test('a file that is no ledger is refused by name, with what is needed', async () => {
  await expect(read('a,b\n1,2\n')).rejects.toThrow(
    /^ledger\.csv is not a usage ledger: .* Needed are CSV with a header or JSONL/,
  );
});

test('reading stops the source when nobody wants more', async () => {
  let closed = false;
  async function* endless(): AsyncGenerator<Uint8Array> {
    try {
      yield new TextEncoder().encode('time,input_tokens,output_tokens\n');
      for (;;) yield new TextEncoder().encode('2023-11-16,1,2\n');
    } finally {
      closed = true;
    }
  }

  for await (const { rows } of readLedger(endless(), 'endless.csv')) if (rows.length > 0) break;

  expect(closed).toBe(true);
});
