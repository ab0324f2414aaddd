import { expect, test } from 'vitest';

import { priceSchema } from './findings.ts';
import { ASSUMED_MODEL, PRICED_MODELS, PRICES, priceOf } from './prices.ts';

test('each price is whole micro-USD with a date and a source, and each model has one', () => {
  for (const price of PRICES) {
    expect(priceSchema.parse(price)).toEqual(price);
    expect(price.asOf).toMatch(/^20\d\d-\d\d-\d\d$/);
    expect(price.source).not.toBe('');
    expect(price.cachedInputMicroUsdPerMillion).toBeLessThanOrEqual(price.inputMicroUsdPerMillion);
  }
  expect(new Set(PRICED_MODELS).size).toBe(PRICES.length);
  expect(PRICED_MODELS).toContain(ASSUMED_MODEL);
});

test.each([
  ['gpt-4o', 'gpt-4o'],
  ['GPT-4o-Mini', 'gpt-4o-mini'],
  ['gpt-4o-2024-08-06', 'gpt-4o'],
  ['gpt-4o-2024-05-13', 'gpt-4o-2024-05-13'],
  ['openai/gpt-4.1-mini-2025-04-14', 'gpt-4.1-mini'],
  ['claude-sonnet-4-5-20250929', 'claude-sonnet-4-5'],
  ['claude-haiku-4-5@20251001', 'claude-haiku-4-5'],
  ['us.anthropic.claude-sonnet-4-5-20250929-v1:0', 'claude-sonnet-4-5'],
  ['claude-opus-5[1m]', 'claude-opus-5'],
])('%s has the price of %s', (name, model) => {
  expect(priceOf(name)?.model).toBe(model);
});

test.each(['', 'llama-3', 'gpt-4', 'gpt-4o-audio', 'my-gpt-4o'])('%j has no price', (name) => {
  expect(priceOf(name)).toBeUndefined();
});
