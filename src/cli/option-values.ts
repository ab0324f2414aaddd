/** Reads the values of options. What cannot be read is an error of the command line. */

import { InvalidArgumentError } from 'commander';

export function parseWholeNumber(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (/^\d{1,16}$/.test(text) && value >= least && value <= most) return value;
    throw new InvalidArgumentError(`It must be a whole number from ${least} to ${most}.`);
  };
}

const MS_PER_UNIT: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** `90s`, `15m`, `12h` or `30d` in milliseconds. */
export function parseDuration(text: string): number {
  const [, count = '', unit = ''] = /^(\d{1,6})([smhd])$/.exec(text) ?? [];
  const ms = Number(count) * (MS_PER_UNIT[unit] ?? 0);
  if (ms > 0) return ms;
  throw new InvalidArgumentError('It must be a number above 0 and s, m, h or d, such as 90s, 15m, 12h or 30d.');
}

/** A text with something in it: an empty one is a shell variable that was not set. */
export function parseName(text: string): string {
  if (text.trim() !== '') return text;
  throw new InvalidArgumentError('It must not be empty.');
}
