import { expect, test } from 'vitest';

import { PriceBook, priceHours } from './cost.ts';
import { whatIfSchema, type Price, type Profile } from './findings.ts';
import { priceOf } from './prices.ts';
import { estimateSavings } from './what-if.ts';

const assumed = priceOf('gpt-4o') satisfies Price | undefined;

const percentiles = { p50: 100, p90: 400, p95: 500, p99: 800, max: 1_000 };
const profile: Profile = {
  requests: 10,
  inputTokens: 10_000_000,
  outputTokens: 1_000_000,
  from: '2023-11-16T18:00:00.000Z',
  to: '2023-11-16T19:00:00.000Z',
  percentiles: { inputTokens: percentiles, outputTokens: percentiles },
};

test('each saving shows its parameters and its arithmetic', async () => {
  if (assumed === undefined) throw new Error('no price');
  const book = new PriceBook(assumed);
  const cost = await priceHours([{ hour: 472_000, model: '', ...profile }], book);
  const excess = [
    { model: '', requests: 2, tokens: 30_000 },
    { model: 'llama-3', requests: 1, tokens: 5_000 },
  ];

  const whatIf = await estimateSavings({ profile, cost, excess }, book);

  expect(cost.totalMicroUsd).toBe(35_000_000);
  expect(whatIf.map((idea) => whatIfSchema.parse(idea))).toEqual(whatIf);
  expect(
    whatIf.map(({ name, parameters, arithmetic, savingMicroUsd }) => ({
      name,
      parameters,
      arithmetic,
      savingMicroUsd,
    })),
  ).toEqual([
    {
      name: 'batch',
      parameters: { sharePercent: 20, discountPercent: 50 },
      arithmetic: '$35.00 × 20 % × 50 % = $3.50',
      savingMicroUsd: 3_500_000,
    },
    {
      name: 'caching',
      parameters: { sharePercent: 30 },
      arithmetic: '$12.50 (all input at its price less the cached price) × 30 % = $3.75',
      savingMicroUsd: 3_750_000,
    },
    {
      name: 'shorter-answers',
      parameters: { capTokens: 500 },
      arithmetic: '30,000 tokens beyond it in 2 requests, at their output price = $0.3000',
      savingMicroUsd: 300_000,
    },
  ]);
});
