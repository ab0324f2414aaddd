/**
 * What the stations find and hand on. Schemas, because it passes through the
 * log; small, because an event is: hours and rows stay in the tables.
 *
 * Money is whole micro-USD (millionths of a US dollar).
 */

import { z } from 'zod';

const count = z.int().min(0);
const names = z.array(z.string());
const tokens = z.object({ requests: count, inputTokens: count, outputTokens: count });

/** A ledger in the user's tables. */
export const loadedLedgerSchema = z.object({
  /** SHA-256 of the file; the ledger's key. */
  digest: z.string(),
  format: z.enum(['csv', 'jsonl']),
  columns: z.object({ time: names, inputTokens: names, outputTokens: names, model: names }),
  bytes: count,
  badRows: z.object({
    count,
    first: z.array(z.object({ line: count, reason: z.string(), value: z.string() })),
  }),
});

const percentiles = z.object({ p50: count, p90: count, p95: count, p99: count, max: count });

export const profileSchema = tokens.extend({
  /** ISO 8601 in UTC. */
  from: z.string(),
  to: z.string(),
  /** By nearest rank: the smallest value that this share of requests does not exceed. */
  percentiles: z.object({ inputTokens: percentiles, outputTokens: percentiles }),
});

export const priceSchema = z.object({
  /** The key of the price table. */
  model: z.string(),
  inputMicroUsdPerMillion: count,
  /** For input that the provider has cached; the input price where it publishes none. */
  cachedInputMicroUsdPerMillion: count,
  outputMicroUsdPerMillion: count,
  /** The day on which the price was the published one. */
  asOf: z.string(),
  source: z.string(),
});

export const costSchema = z.object({
  unit: z.literal('micro-USD'),
  /** What the figures mean, in a sentence. */
  basis: z.string(),
  totalMicroUsd: count,
  inputMicroUsd: count,
  outputMicroUsd: count,
  models: z.array(
    tokens.extend({
      price: priceSchema,
      /** True for rows that name no model: the price is an assumption. */
      whatIf: z.boolean(),
      /** The first names under which the ledger has it. */
      namedInLedger: names,
      totalMicroUsd: count,
      inputMicroUsd: count,
      outputMicroUsd: count,
    }),
  ),
  /** Rows that name a model which the price table does not have; they cost nothing above. */
  unpriced: tokens.extend({ models: names, modelCount: count }),
  costliestHours: z.array(tokens.extend({ hour: z.string(), totalMicroUsd: count })),
});

export const whatIfSchema = z.object({
  name: z.string(),
  title: z.string(),
  /** What must be true and no column says. */
  assumption: z.string(),
  parameters: z.record(z.string(), z.number()),
  arithmetic: z.string(),
  savingMicroUsd: count,
});

export type LoadedLedger = z.output<typeof loadedLedgerSchema>;
export type Profile = z.output<typeof profileSchema>;
export type Percentiles = z.output<typeof percentiles>;
export type Price = z.output<typeof priceSchema>;
export type Cost = z.output<typeof costSchema>;
export type ModelCost = Cost['models'][number];
export type WhatIf = z.output<typeof whatIfSchema>;

/** Requests and their tokens, added up over some rows. */
export type Tokens = z.output<typeof tokens>;
