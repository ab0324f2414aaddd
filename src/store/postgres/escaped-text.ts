/**
 * A text of PostgreSQL cannot hold U+0000, and ours may: a title, an id that somebody guesses. It is written as U+0001
 * and a digit, and so is U+0001 itself; every other text stays as it is.
 */

const RESERVED = /[\u0000\u0001]/;

export function escapeText(text: string): string {
  return RESERVED.test(text) ? text.replaceAll('\u0001', '\u00011').replaceAll('\u0000', '\u00010') : text;
}

export function unescapeText(text: string): string {
  if (!text.includes('\u0001')) return text;
  return text.replaceAll(/\u0001([01])/g, (_, digit) => (digit === '0' ? '\u0000' : '\u0001'));
}
