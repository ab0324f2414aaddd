/**
 * Reads the values of a ledger: times, token counts and model names, from text
 * or JSON. `undefined` means that the value is not one.
 */

import { utcMs } from '../base/utc.ts';

/** The most tokens that one request can have; more is a mistake in the ledger. */
export const MAX_TOKENS = 100_000_000;

const MAX_MODEL_CHARACTERS = 100;

/** 2000-01-01 and 2100-01-01. Between them the unit of an epoch number is clear from its size. */
const FIRST_MS = 946_684_800_000;
const END_MS = 4_102_444_800_000;

const ISO = /^(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?\s*(Z|[+-]\d\d(?::?\d\d)?)?)?$/i;
const NUMBER = /^\d{9,19}(?:\.\d+)?$/;
/** A count, also as tools write it that know only floating point. */
const COUNT = /^\d{1,15}(?:\.0+)?$/;

/**
 * Milliseconds since the Unix epoch: an ISO time, or an epoch number in
 * seconds, milliseconds, microseconds or nanoseconds. A time without a zone is
 * UTC. What is below a millisecond is dropped.
 */
export function parseTime(value: unknown): number | undefined {
  const ms = typeof value === 'number' ? epochMs(value) : typeof value === 'string' ? textMs(value.trim()) : undefined;
  return ms !== undefined && ms >= FIRST_MS && ms < END_MS ? ms : undefined;
}

function textMs(text: string): number | undefined {
  if (NUMBER.test(text)) return epochMs(Number(text));
  const match = ISO.exec(text);
  if (match === null) return undefined;
  const [, year, month, day, hour = '0', minute = '0', second = '0', fraction = '', zone = 'Z'] = match;
  const ms = utcMs({
    year: Number(year),
    month: Number(month),
    day: Number(day),
    hour: Number(hour),
    minute: Number(minute),
    second: Number(second),
    millisecond: Number(fraction.slice(0, 3).padEnd(3, '0')),
  });
  const offset = offsetMs(zone);
  return ms === undefined || offset === undefined ? undefined : ms - offset;
}

function epochMs(value: number): number | undefined {
  for (const microseconds of [1_000_000, 1_000, 1, 0.001]) {
    // Rounded before it is cut, because 1700000000.123 seconds are a hair less in floating point.
    const ms = Math.floor(Math.round(value * microseconds) / 1_000);
    if (ms >= FIRST_MS && ms < END_MS) return ms;
  }
  return undefined;
}

function offsetMs(zone: string): number | undefined {
  if (zone === 'Z' || zone === 'z') return 0;
  const hours = Number(zone.slice(1, 3));
  const minutes = Number(zone.slice(3).replace(':', '') || '0');
  if (hours > 14 || minutes > 59) return undefined;
  return (zone.startsWith('-') ? -1 : 1) * (hours * 60 + minutes) * 60_000;
}

/** A whole number of tokens from 0 to `MAX_TOKENS`. */
export function parseTokens(value: unknown): number | undefined {
  const count =
    typeof value === 'number'
      ? value
      : typeof value === 'string' && COUNT.test(value.trim())
        ? Number(value)
        : undefined;
  return count !== undefined && Number.isInteger(count) && count >= 0 && count <= MAX_TOKENS ? count : undefined;
}

/** A model's name; empty when there is none. */
export function parseModel(value: unknown): string | undefined {
  if (value === undefined || value === null) return '';
  if (typeof value !== 'string') return undefined;
  const name = value.trim();
  return name.length <= MAX_MODEL_CHARACTERS && !/\p{Cc}/u.test(name) ? name.toWellFormed() : undefined;
}
