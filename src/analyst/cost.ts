/**
 * Prices a ledger from its hours.
 *
 *   C1. A row that names a model of the price table has that model's price; a
 *       row that names another model has none and is counted apart.
 *   C2. A row that names no model is priced as an assumed one, and marked what-if.
 *   C3. The parts are whole micro-USD and add up to the totals.
 */

import type { Cost, ModelCost, Price, Tokens } from './findings.ts';
import { charge, grouped, microUsd } from './money.ts';
import { priceOf } from './prices.ts';
import { hourName, type HourOfModel } from './profile-ledger.ts';

/** How a row is priced. */
export interface Pricing {
  readonly price: Price;
  /** The ledger did not name the model. */
  readonly whatIf: boolean;
}

const COSTLIEST = 10;
/** Names from the ledger that are listed per price, and of models without one. */
const LISTED = 5;

/** Says the price of each model of a ledger, looking each name up once. */
export class PriceBook {
  readonly #assumed: Price;
  readonly #known = new Map<string, Pricing | undefined>();

  constructor(assumed: Price) {
    this.#assumed = assumed;
  }

  of(model: string): Pricing | undefined {
    if (model === '') return { price: this.#assumed, whatIf: true };
    if (!this.#known.has(model)) {
      const price = priceOf(model);
      this.#known.set(model, price === undefined ? undefined : { price, whatIf: false });
    }
    return this.#known.get(model);
  }
}

/** Prices all hours. They must come in order, models of one hour together. */
export async function priceHours(
  hours: AsyncIterable<HourOfModel> | Iterable<HourOfModel>,
  book: PriceBook,
): Promise<Cost> {
  const models = new Map<string, ModelSum>();
  const unpriced = new UnpricedSum();
  const costliest = new CostliestHours();
  for await (const hour of hours) {
    const pricing = book.of(hour.model);
    if (pricing === undefined) {
      unpriced.add(hour);
      continue;
    }
    const key = `${pricing.whatIf ? 'assumed' : 'named'} ${pricing.price.model}`;
    let sum = models.get(key);
    if (sum === undefined) models.set(key, (sum = new ModelSum(pricing)));
    sum.add(hour);
    costliest.add(hour, pricing.price);
  }
  const priced = [...models.values()].map((sum) => sum.cost()).toSorted(dearerFirst);
  return {
    unit: 'micro-USD',
    basis: basisOf(priced, unpriced.requests),
    totalMicroUsd: sumOf(priced, 'totalMicroUsd'),
    inputMicroUsd: sumOf(priced, 'inputMicroUsd'),
    outputMicroUsd: sumOf(priced, 'outputMicroUsd'),
    models: priced,
    unpriced: unpriced.cost(),
    costliestHours: costliest.hours(),
  };
}

function dearerFirst(left: ModelCost, right: ModelCost): number {
  return right.totalMicroUsd - left.totalMicroUsd || (left.price.model < right.price.model ? -1 : 1);
}

function sumOf(models: readonly ModelCost[], field: 'totalMicroUsd' | 'inputMicroUsd' | 'outputMicroUsd'): number {
  return models.reduce((sum, model) => sum + model[field], 0);
}

function basisOf(models: readonly ModelCost[], unpricedRequests: number): string {
  const assumed = models.find(({ whatIf }) => whatIf);
  const parts = [
    ...(models.some(({ whatIf }) => !whatIf)
      ? ['Rows that name a model are priced at its list price of the day beside it.']
      : []),
    ...(assumed === undefined
      ? []
      : [
          `What-if: ${grouped(assumed.requests)} rows name no model and are priced as ${assumed.price.model} as of ${assumed.price.asOf}. ` +
            'The ledger does not say what they cost.',
        ]),
    ...(unpricedRequests === 0
      ? []
      : [`${grouped(unpricedRequests)} rows name a model without a price here and are not in the sum.`]),
  ];
  return parts.join(' ');
}

class ModelSum {
  readonly #pricing: Pricing;
  readonly #names = new Set<string>();
  #requests = 0;
  #inputTokens = 0;
  #outputTokens = 0;

  constructor(pricing: Pricing) {
    this.#pricing = pricing;
  }

  add(hour: HourOfModel): void {
    if (hour.model !== '' && this.#names.size < LISTED) this.#names.add(hour.model);
    this.#requests += hour.requests;
    this.#inputTokens += hour.inputTokens;
    this.#outputTokens += hour.outputTokens;
  }

  cost(): ModelCost {
    const { price, whatIf } = this.#pricing;
    const inputMicroUsd = microUsd(charge(this.#inputTokens, price.inputMicroUsdPerMillion));
    const outputMicroUsd = microUsd(charge(this.#outputTokens, price.outputMicroUsdPerMillion));
    return {
      price,
      whatIf,
      namedInLedger: [...this.#names],
      requests: this.#requests,
      inputTokens: this.#inputTokens,
      outputTokens: this.#outputTokens,
      totalMicroUsd: inputMicroUsd + outputMicroUsd,
      inputMicroUsd,
      outputMicroUsd,
    };
  }
}

class UnpricedSum {
  readonly #models = new Set<string>();
  #inputTokens = 0;
  #outputTokens = 0;
  requests = 0;

  add(hour: HourOfModel): void {
    this.#models.add(hour.model);
    this.requests += hour.requests;
    this.#inputTokens += hour.inputTokens;
    this.#outputTokens += hour.outputTokens;
  }

  cost(): Cost['unpriced'] {
    return {
      requests: this.requests,
      inputTokens: this.#inputTokens,
      outputTokens: this.#outputTokens,
      models: [...this.#models].slice(0, LISTED),
      modelCount: this.#models.size,
    };
  }
}

/** Keeps the hours that cost most; of equals the earlier. */
class CostliestHours {
  #kept: (Tokens & { readonly hour: number; readonly charges: bigint })[] = [];
  #open: { hour: number; requests: number; inputTokens: number; outputTokens: number; charges: bigint } | undefined;

  add({ hour, requests, inputTokens, outputTokens }: HourOfModel, price: Price): void {
    if (this.#open?.hour !== hour) {
      this.#close();
      this.#open = { hour, requests: 0, inputTokens: 0, outputTokens: 0, charges: 0n };
    }
    this.#open.requests += requests;
    this.#open.inputTokens += inputTokens;
    this.#open.outputTokens += outputTokens;
    this.#open.charges +=
      charge(inputTokens, price.inputMicroUsdPerMillion) + charge(outputTokens, price.outputMicroUsdPerMillion);
  }

  hours(): Cost['costliestHours'] {
    this.#close();
    return this.#kept.map(({ hour, charges, ...tokens }) => ({
      hour: hourName(hour),
      ...tokens,
      totalMicroUsd: microUsd(charges),
    }));
  }

  #close(): void {
    if (this.#open === undefined) return;
    // A stable sort keeps the earlier of equals, because hours come in order.
    this.#kept = [...this.#kept, this.#open]
      .toSorted((left, right) => (left.charges === right.charges ? 0 : left.charges > right.charges ? -1 : 1))
      .slice(0, COSTLIEST);
    this.#open = undefined;
  }
}
