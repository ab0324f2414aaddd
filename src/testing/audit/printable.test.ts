import { execFile } from 'node:child_process';

import { expect, test } from 'vitest';

import { lineOf } from '../../../test/support/audit-house.ts';
import { EnginehouseError } from '../../base/errors.ts';
import { errorsIn, printable, printed } from './printable.ts';

const FILE = import.meta.filename;

function disposal(): SuppressedError {
  const body = new Error('expected 1 to be 2\nsecond line'); // body
  const closed = new EnginehouseError('CLOSED', 'the store is closed', { what: 'store' });
  return new SuppressedError(closed, body);
}

test('an error that stands alone is itself', () => {
  const alone = new EnginehouseError('CLOSED', 'the store is closed', { what: 'store' });

  expect(printable(alone)).toBe(alone);
  expect(printable(new AggregateError([alone]))).toBe(alone);
  expect(printable('oops')).toMatchObject({ message: "thrown: 'oops'" });
});

test('for a runner that prints messages only, one that stands alone says its code and its cure in it', () => {
  const alone = new EnginehouseError('CLOSED', 'the store is closed', { what: 'store' }); // alone
  const other = new TypeError('no function');

  expect(printed(alone).message).toBe(`CLOSED: the store is closed\n   cure: ${alone.cure}`);
  expect(printed(alone).stack).toContain(lineOf(FILE, 'alone'));
  expect(printed(other)).toBe(other);
  expect(printed(disposal()).message).toBe(printable(disposal()).message);
});

test('every nested error is told in full, in order, with its code, its cure and its line', () => {
  const cause = new RangeError('too far');
  const several = new AggregateError(
    [disposal(), new TypeError('no function', { cause }), { not: 'an error' }],
    'teardown failed',
  );

  const error = printable(several);

  expect(error.message.split('\n\n')).toEqual([
    'teardown failed: 5 errors',
    `1) Error: expected 1 to be 2\n   second line\n   from: ${lineOf(FILE, 'body')}:16 in disposal`,
    expect.stringMatching(
      /^2\) CLOSED: the store is closed\n {3}cure: Use it before close\(\), .*\n {3}from: .* in disposal$/,
    ),
    expect.stringMatching(/^3\) TypeError: no function\n {3}from: /),
    expect.stringMatching(/^4\) the cause of 3: RangeError: too far\n {3}from: /),
    "5) thrown: { not: 'an error' }",
  ]);
  expect(errorsIn(several)).toHaveLength(5);
});

test('its stack is that of the first, and no line of its message is taken for a frame', () => {
  const error = printable(disposal());

  const frames = error.stack?.split('\n').filter((line) => /^\s*at /.test(line)) ?? [];
  expect(frames[0]).toContain(lineOf(FILE, 'body'));
  // What Vitest and Playwright look for.
  expect(error.message).not.toMatch(/^\s*at |:\d+:\d+\)?$/m);
});

test('errors that hold each other are told once', () => {
  const [one, two] = [new Error('one'), new Error('two')];
  one.cause = two;
  two.cause = one;

  expect(printable(one).message).toMatch(/^2 errors\n\n1\) Error: one\n[^]*\n\n2\) the cause of 1: Error: two/);
  expect(printable(new AggregateError(Array.from({ length: 40 }, (_, nth) => new Error(`${nth}`)))).message).toMatch(
    /\n\n… and 10 more$/,
  );
});

test('node:test prints all of it', async () => {
  const body = `
    import { test } from 'node:test';
    import { printable } from ${JSON.stringify(new URL('printable.ts', import.meta.url).href)};
    test('fails', () => { throw printable(new SuppressedError(new Error('the second'), new Error('the first'))) });
  `;
  const options = ['--input-type=module-typescript', '--eval', body];

  const printed = await new Promise<string>((resolve) => {
    execFile(process.execPath, options, (_failed, stdout) => resolve(stdout));
  });

  expect(printed).toMatch(/2 errors[^]*1\) Error: the first[^]*2\) Error: the second/);
});
