/**
 * What providers charge, as published on a day. List prices of the standard
 * tier for text, without discounts, taxes or commitments: a dated table, not a
 * feed. A price that changed is replaced together with its date.
 */

import type { Price } from './findings.ts';

const OPENAI = 'OpenAI list price, standard tier: platform.openai.com/docs/pricing';
const ANTHROPIC = 'Anthropic list price: platform.claude.com/docs/en/about-claude/pricing';

/** US dollars per million tokens: input, cached input, output. */
type Usd = readonly [input: number, cachedInput: number, output: number];

function price(model: string, [input, cachedInput, output]: Usd, asOf: string): Price {
  return {
    model,
    inputMicroUsdPerMillion: micro(input),
    cachedInputMicroUsdPerMillion: micro(cachedInput),
    outputMicroUsdPerMillion: micro(output),
    asOf,
    source: model.startsWith('claude') ? ANTHROPIC : OPENAI,
  };
}

function micro(usd: number): number {
  return Math.round(usd * 1_000_000);
}

export const PRICES: readonly Price[] = [
  price('gpt-4o', [2.5, 1.25, 10], '2025-06-03'),
  // Before August 2024 the same model cost more, and its cached input as much as any.
  price('gpt-4o-2024-05-13', [5, 5, 15], '2025-06-03'),
  price('gpt-4o-mini', [0.15, 0.075, 0.6], '2025-06-03'),
  price('gpt-4.1', [2, 0.5, 8], '2025-06-03'),
  price('gpt-4.1-mini', [0.4, 0.1, 1.6], '2025-06-03'),
  price('gpt-4.1-nano', [0.1, 0.025, 0.4], '2025-06-03'),
  price('gpt-5.4', [2.5, 0.25, 15], '2026-05-04'),
  price('gpt-5.4-mini', [0.75, 0.075, 4.5], '2026-05-04'),
  price('gpt-5.4-nano', [0.2, 0.02, 1.25], '2026-05-04'),
  price('claude-opus-4-5', [5, 0.5, 25], '2026-07-26'),
  price('claude-opus-5', [5, 0.5, 25], '2026-07-26'),
  price('claude-opus-5-5', [4, 0.2, 20], '2026-10-24'),
  price('claude-sonnet-4-5', [3, 0.3, 15], '2026-07-26'),
  price('claude-sonnet-4-6', [3, 0.3, 15], '2026-07-26'),
  price('claude-sonnet-5', [2, 0.2, 10], '2026-09-01'),
  price('claude-sonnet-5-5', [2, 0.1, 10], '2026-10-24'),
  price('claude-haiku-4-5', [1, 0.1, 5], '2026-07-26'),
];

/** The models that have a price. */
export const PRICED_MODELS: readonly string[] = PRICES.map(({ model }) => model);

/** What rows that name no model are priced as, unless the input says otherwise. */
export const ASSUMED_MODEL = 'gpt-4o';

const BY_MODEL = new Map(PRICES.map((entry) => [entry.model, entry]));

/** A snapshot's date, a version or a context mode at the end of a name. */
const SUFFIX = /(?:[-@](?:\d{8}|\d{4}-\d{2}-\d{2}|latest)|-v\d+:\d+|\[1m\])$/;

/** The price of a model as a ledger names it, or `undefined` when the table has none. */
export function priceOf(name: string): Price | undefined {
  const own =
    name
      .trim()
      .toLowerCase()
      .split('/')
      .pop()
      ?.replace(/^(?:\w+\.)?anthropic\./, '') ?? '';
  for (let rest = own; ;) {
    const known = BY_MODEL.get(rest);
    if (known !== undefined) return known;
    const shorter = rest.replace(SUFFIX, '');
    if (shorter === rest) return undefined;
    rest = shorter;
  }
}
