import { expect, test } from 'vitest';

import { findColumns, missingRoles } from './ledger-columns.ts';

test.each([
  [['TIMESTAMP', 'ContextTokens', 'GeneratedTokens'], { time: 0, inputTokens: 1, outputTokens: 2, model: undefined }],
  [
    ['id', 'model', 'created_at', 'prompt_tokens', 'completion_tokens'],
    { time: 2, inputTokens: 3, outputTokens: 4, model: 1 },
  ],
  [['Time', 'Input Tokens', 'Output-Tokens', 'Model'], { time: 0, inputTokens: 1, outputTokens: 2, model: 3 }],
  [
    ['created', 'model', 'usage.prompt_tokens', 'usage.completion_tokens'],
    { time: 0, inputTokens: 2, outputTokens: 3, model: 1 },
  ],
  [
    ['response.body.usage.input_tokens', 'response.body.usage.output_tokens', 'timestamp'],
    { time: 2, inputTokens: 0, outputTokens: 1, model: undefined },
  ],
])('%j are columns of a ledger', (names, found) => {
  expect(findColumns(names)).toEqual(found);
});

test('the more telling of two names wins, and the first of two alike', () => {
  expect(findColumns(['created', 'timestamp', 'model', 'Model']).time).toBe(1);
  expect(findColumns(['created', 'timestamp', 'model', 'Model']).model).toBe(2);
});

test('a name inside an unrelated object, or one without end, is no column', () => {
  expect(findColumns(['user.created', 'limits.input_tokens', `${'_'.repeat(100)}model`])).toEqual({
    time: undefined,
    inputTokens: undefined,
    outputTokens: undefined,
    model: undefined,
  });
});

test('what is missing is said in words; a model never is', () => {
  expect(missingRoles(findColumns(['timestamp', 'input_tokens', 'output_tokens']))).toEqual([]);
  expect(missingRoles(findColumns(['model', 'input_tokens']))).toEqual(['time', 'output tokens']);
});
