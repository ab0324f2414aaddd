import { expect, test } from 'vitest';

import { CsvRecords, csvCells } from './csv-records.ts';
import type { Line } from './ledger-lines.ts';

function lines(first: number, ...texts: readonly string[]): Line[] {
  return texts.map((text, at) => ({ number: first + at, text, cut: false }));
}

/** What is read of these lines, as `[line, cells]` or `[line, reason]`. */
function read(width: number, ...texts: readonly string[]): unknown[] {
  const records = new CsvRecords(',', width);
  return [...records.push(lines(1, ...texts)), ...records.end()].map((record) =>
    'reason' in record ? [record.line, record.reason] : [record.line, record.cells],
  );
}

test('cells may be quoted, and blank lines are nothing', () => {
  expect(read(2, 'a,b', '', '"c, d","say ""e"""', '   ', ' "f" , g ')).toEqual([
    [1, ['a', 'b']],
    [3, ['c, d', 'say "e"']],
    [5, ['f', 'g']],
  ]);
});

test('V1: a quote that is never closed costs its own line', () => {
  const good = Array.from({ length: 300 }, (_, at) => `${at},x`);

  const records = read(2, ...good.slice(0, 10), '10,"x', ...good.slice(11));

  expect(records).toHaveLength(300);
  expect(records[10]).toEqual([11, 'a quote is not closed']);
  expect(records[11]).toEqual([12, ['11', 'x']]);
});

test('V1: two stray quotes do not swallow what is between them', () => {
  expect(read(2, 'a,"b', 'c,d', 'e,"f', 'g,h')).toEqual([
    [1, 'a quote is not closed'],
    [2, ['c', 'd']],
    [3, 'a quote is not closed'],
    [4, ['g', 'h']],
  ]);
});

test('V1: a quote inside an unquoted value costs its own line', () => {
  expect(read(2, 'a,b"c', 'd,e')).toEqual([
    [1, 'a quote stands where none may be'],
    [2, ['d', 'e']],
  ]);
});

test('V2: a quoted value may hold line breaks, also across blocks', () => {
  const records = new CsvRecords(',', 2);

  expect(records.push(lines(1, 'a,b', 'c,"one'))).toEqual([{ line: 1, cells: ['a', 'b'] }]);
  expect(records.push(lines(3, 'two', 'three"', 'd,e'))).toEqual([
    { line: 2, cells: ['c', 'one\ntwo\nthree'] },
    { line: 5, cells: ['d', 'e'] },
  ]);
  expect(records.end()).toEqual([]);
});

test('V2: a value in quotes has an end within its limits', () => {
  const long = 'x'.repeat(40_000);

  expect(read(2, 'a,"b', long, long, 'c"', 'd,e')).toEqual([
    [1, 'a quote is not closed'],
    [2, [long]],
    [3, [long]],
    [4, 'a quote stands where none may be'],
    [5, ['d', 'e']],
  ]);
  expect(read(2, 'a,"b', ...Array.from({ length: 100 }, () => 'x'), 'c"', 'd,e')).toHaveLength(103);
});

test('a line that was cut is left out', () => {
  const records = new CsvRecords(',', 2);

  const [record] = records.push([{ number: 1, text: 'a,b', cut: true }]);

  expect(record).toMatchObject({ line: 1, reason: 'the line is longer than 1048576 characters' });
});

test('a header is read with its delimiter, and one that is no CSV is not read', () => {
  expect(csvCells('a;"b;c"', ';')).toEqual(['a', 'b;c']);
  expect(csvCells('a,"b', ',')).toBeUndefined();
});
