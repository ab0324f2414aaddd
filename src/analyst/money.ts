/** Arithmetic of tokens and micro-USD: exact in the middle, whole micro-USD at the end, halves up. */

const MILLION = 1_000_000n;

/** Tokens times a price per million tokens, not yet divided: exact. */
export function charge(tokens: number, microUsdPerMillion: number): bigint {
  return BigInt(tokens) * BigInt(microUsdPerMillion);
}

/** Whole micro-USD of charges that were added up. */
export function microUsd(charges: bigint): number {
  return Number((charges + MILLION / 2n) / MILLION);
}

/** So many percent of it, and of that so many percent. */
export function percentOf(amount: number, ...percents: readonly number[]): number {
  const product = percents.reduce((share, percent) => share * BigInt(percent), BigInt(amount));
  const whole = 100n ** BigInt(percents.length);
  return Number((product + whole / 2n) / whole);
}

/** For a person: dollars and cents, with more digits where cents would be 0. */
export function usd(amount: number): string {
  const cents = amount >= 1_000_000 || amount === 0;
  const [whole = '0', fraction = ''] = (amount / 1_000_000).toFixed(cents ? 2 : 4).split('.');
  return `$${grouped(whole)}.${fraction}`;
}

/** For a person: a whole number with commas between thousands. */
export function grouped(value: number | string): string {
  return String(value).replaceAll(/\B(?=(?:\d{3})+$)/g, ',');
}
