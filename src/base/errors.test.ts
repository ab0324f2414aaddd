import { expect, test } from 'vitest';

import {
  asEnginehouseError,
  EnginehouseError,
  ExecutionEngineFactoryError,
  isEnginehouseError,
  reviveError,
  type ErrorJson,
} from './errors.ts';

const timeout = (): EnginehouseError<'TOOL_TIMEOUT'> =>
  new EnginehouseError('TOOL_TIMEOUT', 'tool search took longer than 30 ms', { tool: 'search', timeoutMs: 30 });

test('an error tells its code, its facts, its cure and whether trying again can help', () => {
  const error = timeout();

  expect(error.toJSON()).toEqual({
    code: 'TOOL_TIMEOUT',
    message: 'tool search took longer than 30 ms',
    details: { tool: 'search', timeoutMs: 30 },
    cure: "Raise the tool's timeoutMs, or make it do less in one call.",
    retry: 'now',
    ref: error.ref,
  });
  expect(error.status).toBe(504);
  expect(error.ref).toMatch(/^[0-9a-f]{8}$/);
});

test('a wait before the next try is told where there is one', () => {
  const error = new EnginehouseError('DRAINING', 'the server is closing', {}, { retryAfterMs: 500 });

  expect(error.toJSON()).toMatchObject({ retry: 'after', retryAfterMs: 500 });
});

test('the cause stays in the process', () => {
  const error = new EnginehouseError(
    'AGENT_THREW',
    'no',
    { reason: 'no' },
    { cause: new Error('password=otter', { cause: 'more' }) },
  );

  expect(JSON.stringify(error)).not.toContain('otter');
  expect(error.cause).toBeInstanceOf(Error);
});

test('an error that went through JSON is the same error', () => {
  const error = new EnginehouseError(
    'QUEUE_FULL',
    'full',
    { userId: 'ada', limit: 1 },
    { retryAfterMs: 10, cure: 'Wait.' },
  );

  const revived = reviveError(JSON.parse(JSON.stringify(error)) as ErrorJson);

  expect(revived.toJSON()).toEqual(error.toJSON());
  expect(isEnginehouseError(revived, 'QUEUE_FULL') && revived.details.limit).toBe(1);
});

test('a code from another version becomes INTERNAL and keeps its words', () => {
  const revived = reviveError({ ...timeout().toJSON(), code: 'toString', message: 'from tomorrow' });

  expect(revived).toMatchObject({ code: 'INTERNAL', message: 'from tomorrow', status: 500 });
});

test('isEnginehouseError narrows by code', () => {
  expect(isEnginehouseError(timeout())).toBe(true);
  expect(isEnginehouseError(timeout(), 'TOOL_TIMEOUT')).toBe(true);
  expect(isEnginehouseError(timeout(), 'RUN_TIMEOUT')).toBe(false);
  expect(isEnginehouseError(new Error('TOOL_TIMEOUT'))).toBe(false);
});

test('the factory’s error is one of ours under its old name', () => {
  const error = new ExecutionEngineFactoryError('FACTORY_CLOSED', 'closed', {});

  expect(error).toBeInstanceOf(EnginehouseError);
  expect(`${error.name} ${error.code}`).toBe('ExecutionEngineFactoryError FACTORY_CLOSED');
});

test('what is ours already stays as it is', () => {
  const error = timeout();

  expect(asEnginehouseError(error, 'TOOL_FAILED')).toBe(error);
});

test.each([
  ['an error', new TypeError('x is not a function'), 'x is not a function'],
  ['a text', 'out of otters', 'out of otters'],
  ['a symbol', Symbol('s'), 'Symbol(s)'],
  ['nothing', undefined, 'undefined'],
  ['an error without words', new Error(''), 'an error without a message'],
  ['an object without a prototype', Object.create(null), 'something that cannot be shown'],
  [
    'an object that fights back',
    {
      toString: () => {
        throw new Error('no');
      },
    },
    'something that cannot be shown',
  ],
])('%s that was thrown gets a code and its words', (_what, thrown, reason) => {
  const error = asEnginehouseError(thrown, 'AGENT_THREW');

  expect(error).toMatchObject({ code: 'AGENT_THREW', message: reason, details: { reason } });
  expect(error.cause).toBe(thrown);
});

test('the words of others are kept short, because an error travels inside events', () => {
  const error = asEnginehouseError(new Error('x'.repeat(100_000)), 'TOOL_FAILED');

  expect(JSON.stringify(error).length).toBeLessThan(5_000);
});

test('the JSON form of an error always fits one event', () => {
  const huge = 'x'.repeat(100_000);
  const error = new EnginehouseError(
    'INPUT_INVALID',
    huge,
    { what: huge, issues: Array(20).fill(huge) },
    { cure: huge },
  );

  const json = error.toJSON();

  expect(JSON.stringify(json).length).toBeLessThan(32_768);
  expect(json.code).toBe('INPUT_INVALID');
  expect(json.message.startsWith('xxx')).toBe(true);
});

test('details that are no JSON do not keep the error from being told', () => {
  const cyclic: Record<string, unknown> = {};
  cyclic['self'] = cyclic;

  const [bigint, cycle, nothing] = [{ reason: 1n }, cyclic, undefined].map((details) =>
    new EnginehouseError('INTERNAL', 'no', details as never).toJSON(),
  );

  expect([bigint?.details, cycle?.details, nothing?.details]).toEqual([
    { omitted: 'not JSON' },
    { omitted: 'not JSON' },
    { omitted: 'not JSON' },
  ]);
});
