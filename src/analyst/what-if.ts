/**
 * Savings that a ledger cannot prove, because it says how many tokens there
 * were and not what was in them. Each is plain arithmetic on the ledger's sums
 * and on parameters that are shown; whoever knows better changes those.
 */

import type { Cost, Profile, WhatIf } from './findings.ts';
import type { PriceBook } from './cost.ts';
import { charge, grouped, microUsd, percentOf, usd } from './money.ts';
import type { Excess } from './profile-ledger.ts';

/** What is assumed, and nothing in a ledger says. */
const ASSUMPTIONS = {
  /** Requests that may wait for hours, in percent of cost. */
  batchSharePercent: 20,
  /** What providers take off for them. */
  batchDiscountPercent: 50,
  /** Input tokens that repeat the start of an earlier prompt. */
  cachedSharePercent: 30,
} as const;

export interface Findings {
  readonly profile: Profile;
  readonly cost: Cost;
  /** Output beyond the 95th percentile, by model. */
  readonly excess: AsyncIterable<Excess> | Iterable<Excess>;
}

export async function estimateSavings(
  { profile, cost, excess }: Findings,
  book: PriceBook,
): Promise<readonly WhatIf[]> {
  return [batch(cost), caching(cost), await shorterAnswers(profile.percentiles.outputTokens.p95, excess, book)];
}

function batch({ totalMicroUsd }: Cost): WhatIf {
  const { batchSharePercent: sharePercent, batchDiscountPercent: discountPercent } = ASSUMPTIONS;
  const savingMicroUsd = percentOf(totalMicroUsd, sharePercent, discountPercent);
  return {
    name: 'batch',
    title: 'Send what can wait as a batch',
    assumption: `${sharePercent} % of the cost is of requests that may wait up to a day, and the provider takes ${discountPercent} % off for them.`,
    parameters: { sharePercent, discountPercent },
    arithmetic: `${usd(totalMicroUsd)} × ${sharePercent} % × ${discountPercent} % = ${usd(savingMicroUsd)}`,
    savingMicroUsd,
  };
}

function caching({ models }: Cost): WhatIf {
  const { cachedSharePercent: sharePercent } = ASSUMPTIONS;
  const charges = models.reduce(
    (sum, { inputTokens, price }) =>
      sum +
      charge(inputTokens, price.inputMicroUsdPerMillion) -
      charge(inputTokens, price.cachedInputMicroUsdPerMillion),
    0n,
  );
  const wholeMicroUsd = microUsd(charges);
  const savingMicroUsd = percentOf(wholeMicroUsd, sharePercent);
  return {
    name: 'caching',
    title: 'Keep the start of prompts the same, so that the provider caches it',
    assumption:
      `${sharePercent} % of the input tokens repeat the start of an earlier prompt and are charged at the price of cached input. ` +
      'What some providers charge for writing to the cache is not taken off.',
    parameters: { sharePercent },
    arithmetic: `${usd(wholeMicroUsd)} (all input at its price less the cached price) × ${sharePercent} % = ${usd(savingMicroUsd)}`,
    savingMicroUsd,
  };
}

async function shorterAnswers(capTokens: number, excess: Findings['excess'], book: PriceBook): Promise<WhatIf> {
  let charges = 0n;
  let requests = 0;
  let tokens = 0;
  for await (const beyond of excess) {
    const pricing = book.of(beyond.model);
    if (pricing === undefined) continue;
    charges += charge(beyond.tokens, pricing.price.outputMicroUsdPerMillion);
    requests += beyond.requests;
    tokens += beyond.tokens;
  }
  const savingMicroUsd = microUsd(charges);
  return {
    name: 'shorter-answers',
    title: 'Limit the length of answers',
    assumption: `Answers are stopped at ${grouped(capTokens)} tokens, the 95th percentile, and nobody misses the rest.`,
    parameters: { capTokens },
    arithmetic: `${grouped(tokens)} tokens beyond it in ${grouped(requests)} requests, at their output price = ${usd(savingMicroUsd)}`,
    savingMicroUsd,
  };
}
