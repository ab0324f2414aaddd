import fc from 'fast-check';
import { expect, test } from 'vitest';

import { MAX_LINE_CHARACTERS, readLines, type Line } from './ledger-lines.ts';

async function* pieces(...chunks: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* chunks;
}

async function linesOf(...chunks: readonly Uint8Array[]): Promise<readonly Line[]> {
  const lines: Line[] = [];
  for await (const block of readLines(pieces(...chunks))) lines.push(...block.lines);
  return lines;
}

const utf8 = new TextEncoder();

test('a byte order mark, carriage returns and a missing last line feed change nothing', async () => {
  const lines = await linesOf(utf8.encode('\uFEFFa,b\r\n1,2\r\n\r\n3,4'));

  expect(lines.map(({ number, text }) => [number, text])).toEqual([
    [1, 'a,b'],
    [2, '1,2'],
    [3, ''],
    [4, '3,4'],
  ]);
});

test('lines are the same wherever the bytes are cut', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.string({ unit: 'grapheme' })), fc.array(fc.nat(200)), async (texts, cuts) => {
      const whole = texts.map((text) => text.replaceAll(/[\r\n\uFEFF]/g, ' '));
      const bytes = utf8.encode(whole.map((text) => `${text}\n`).join(''));
      const edges = [...new Set(cuts.map((cut) => Math.min(cut, bytes.length)))].toSorted((a, b) => a - b);
      const chunks = [...edges, bytes.length].map((edge, at) => bytes.subarray(at === 0 ? 0 : edges[at - 1], edge));

      expect((await linesOf(...chunks)).map(({ text }) => text)).toEqual(whole);
    }),
    { numRuns: 100 },
  );
});

test('a line without end is cut and marked, and the next is whole', async () => {
  const long = utf8.encode('x'.repeat(MAX_LINE_CHARACTERS));

  const lines = await linesOf(long, long, utf8.encode('\nnext\n'));

  expect(lines.map(({ number, text, cut }) => [number, text.length, cut])).toEqual([
    [1, MAX_LINE_CHARACTERS, true],
    [2, 4, false],
  ]);
});

test('each block says how many bytes were read', async () => {
  const bytes: number[] = [];
  for await (const block of readLines(pieces(utf8.encode('ab\n'), utf8.encode('cd')))) bytes.push(block.bytes);

  expect(bytes).toEqual([3, 5, 5]);
});
