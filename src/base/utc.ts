/**
 * Calendar arithmetic in UTC. Pure: it never asks what time it is now, that is
 * `clock.ts`, and it knows no other time zone.
 */

export interface UtcParts {
  readonly year: number;
  /** 1 to 12. */
  readonly month: number;
  readonly day: number;
  readonly hour: number;
  readonly minute: number;
  readonly second: number;
  readonly millisecond: number;
}

/** Milliseconds since the Unix epoch, or `undefined` when no calendar has that day or that time. */
export function utcMs({ year, month, day, hour, minute, second, millisecond }: UtcParts): number | undefined {
  if (hour > 23 || minute > 59 || second > 59 || month < 1 || month > 12 || day < 1) return undefined;
  const ms = Date.UTC(year, month - 1, day, hour, minute, second, millisecond);
  // The 31st of a month with 30 days becomes the 1st of the next; the day of the month tells.
  return new Date(ms).getUTCDate() === day ? ms : undefined;
}

/** ISO 8601 with milliseconds, for instance `2023-11-16T18:15:46.680Z`. */
export function isoUtc(ms: number): string {
  return new Date(ms).toISOString();
}
