import { expect, test } from 'vitest';

import { PriceBook, priceHours } from './cost.ts';
import { costSchema, type Price } from './findings.ts';
import type { HourOfModel } from './profile-ledger.ts';
import { priceOf } from './prices.ts';

function known(model: string): Price {
  const price = priceOf(model);
  if (price === undefined) throw new Error(model);
  return price;
}

const HOUR = 472_000;

function hour(at: number, model: string, requests: number, tokens?: readonly [number, number]): HourOfModel {
  const [inputTokens, outputTokens] = tokens ?? [1_000_000, 100_000];
  return { hour: HOUR + at, model, requests, inputTokens, outputTokens };
}

const book = (): PriceBook => new PriceBook(known('gpt-4o'));

test('C1: named models have their own price, and one without a price is counted apart', async () => {
  const cost = await priceHours(
    [hour(0, 'gpt-4.1-2025-04-14', 2), hour(0, 'llama-3', 5), hour(1, 'gpt-4.1', 3)],
    book(),
  );

  expect(costSchema.parse(cost)).toEqual(cost);
  expect(cost.models).toEqual([
    {
      price: known('gpt-4.1'),
      whatIf: false,
      namedInLedger: ['gpt-4.1-2025-04-14', 'gpt-4.1'],
      requests: 5,
      inputTokens: 2_000_000,
      outputTokens: 200_000,
      totalMicroUsd: 5_600_000,
      inputMicroUsd: 4_000_000,
      outputMicroUsd: 1_600_000,
    },
  ]);
  expect(cost.totalMicroUsd).toBe(5_600_000);
  expect(cost.unpriced).toEqual({
    requests: 5,
    inputTokens: 1_000_000,
    outputTokens: 100_000,
    models: ['llama-3'],
    modelCount: 1,
  });
  expect(cost.basis).toBe(
    'Rows that name a model are priced at its list price of the day beside it. 5 rows name a model without a price here and are not in the sum.',
  );
});

test('C2: rows without a model are priced as the assumed one and marked what-if', async () => {
  const cost = await priceHours([hour(0, '', 4), hour(0, 'gpt-4o', 1)], book());

  expect(cost.models.map(({ price, whatIf, requests }) => [price.model, whatIf, requests])).toEqual([
    ['gpt-4o', true, 4],
    ['gpt-4o', false, 1],
  ]);
  expect(cost.basis).toContain('What-if: 4 rows name no model and are priced as gpt-4o as of 2025-06-03.');
});

test('C3: the parts add up to the totals, whatever was rounded', async () => {
  const cost = await priceHours(
    [hour(0, 'gpt-4o-mini', 1, [3, 1]), hour(0, 'gpt-4.1-nano', 1, [7, 3]), hour(1, '', 1, [1, 1])],
    book(),
  );

  const sum = (field: 'totalMicroUsd' | 'inputMicroUsd' | 'outputMicroUsd'): number =>
    cost.models.reduce((total, model) => total + model[field], 0);
  expect(cost.totalMicroUsd).toBe(sum('totalMicroUsd'));
  expect(cost.inputMicroUsd).toBe(sum('inputMicroUsd'));
  expect(cost.outputMicroUsd).toBe(sum('outputMicroUsd'));
  expect(cost.totalMicroUsd).toBe(cost.inputMicroUsd + cost.outputMicroUsd);
});

test('the ten costliest hours come first, the earlier of equals before the later', async () => {
  const hours = Array.from({ length: 24 }, (_, at) => [
    hour(at, '', 1, [at % 12, 100_000]),
    hour(at, 'gpt-4.1', 2, [0, 0]),
  ]).flat();

  const { costliestHours } = await priceHours(hours, book());

  expect(costliestHours).toHaveLength(10);
  expect(costliestHours.slice(0, 3)).toEqual([
    { hour: '2023-11-06T03:00:00Z', requests: 3, inputTokens: 11, outputTokens: 100_000, totalMicroUsd: 1_000_028 },
    { hour: '2023-11-06T15:00:00Z', requests: 3, inputTokens: 11, outputTokens: 100_000, totalMicroUsd: 1_000_028 },
    { hour: '2023-11-06T02:00:00Z', requests: 3, inputTokens: 10, outputTokens: 100_000, totalMicroUsd: 1_000_025 },
  ]);
});

test('a ledger of unknown models costs nothing and says so', async () => {
  const cost = await priceHours([hour(0, 'llama-3', 5)], book());

  expect(cost).toMatchObject({ totalMicroUsd: 0, models: [], costliestHours: [], unpriced: { requests: 5 } });
});
