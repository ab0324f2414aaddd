import { z } from 'zod';

import { defineAgent } from '../agent/define-agent.ts';
import { EnginehouseError } from '../base/errors.ts';
import { tool } from '../tool/tool.ts';
import { PriceBook, priceHours } from './cost.ts';
import { costSchema, profileSchema, type Price } from './findings.ts';
import { usd } from './money.ts';
import { ASSUMED_MODEL, PRICED_MODELS, priceOf } from './prices.ts';
import { hoursOf, outputBeyond } from './profile-ledger.ts';
import { estimateSavings } from './what-if.ts';

const TIMEOUT_MS = 60_000;

/** A model of the price table: what rows that name none are priced as. */
export const assumedModelSchema = z.enum(PRICED_MODELS);

const ledger = { digest: z.string(), model: assumedModelSchema.default(ASSUMED_MODEL) };

/** The third station: what the ledger cost, and what could be saved. */
export const optimisationAgent = defineAgent({
  name: 'analyst-optimisation',
  description: 'Prices a loaded ledger against a dated price table and works out savings as what-if.',
  inputSchema: z.strictObject({ ...ledger, profile: profileSchema }),
  tools: {
    price_ledger: tool({
      description: 'Prices the hours of a loaded ledger.',
      inputSchema: z.strictObject(ledger),
      idempotent: true,
      timeoutMs: TIMEOUT_MS,
      execute: ({ digest, model }, context) => priceHours(hoursOf(digest, context), bookFor(model)),
    }),
    estimate_savings: tool({
      description: 'Works out savings from sums of a loaded ledger and from assumptions that it shows.',
      inputSchema: z.strictObject({ ...ledger, profile: profileSchema, cost: costSchema }),
      idempotent: true,
      timeoutMs: TIMEOUT_MS,
      execute: ({ digest, model, profile, cost }, context) => {
        const excess = outputBeyond(profile.percentiles.outputTokens.p95, digest, context);
        return estimateSavings({ profile, cost, excess }, bookFor(model));
      },
    }),
  },
  async run({ input: { digest, model, profile }, tools, think }) {
    await think('Pricing every hour against the price table.');
    const cost = await tools.price_ledger({ digest, model });
    await think(
      `${usd(cost.totalMicroUsd)} in all. ${cost.basis} Working out what batches, caching and shorter answers could save.`,
    );
    const whatIf = await tools.estimate_savings({ digest, model, profile, cost });
    return { cost, whatIf };
  },
});

function bookFor(model: string): PriceBook {
  return new PriceBook(knownPrice(model));
}

function knownPrice(model: string): Price {
  const price = priceOf(model);
  if (price === undefined)
    throw new EnginehouseError('NOT_FOUND', `no price for ${model}`, { what: 'price', id: model });
  return price;
}
