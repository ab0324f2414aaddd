import { EnginehouseError } from '../base/errors.ts';

/** Milliseconds, or words for them: '250ms', '20s', '30m', '2h', '7d', '1m30s'. */
export type Duration = number | string;

const WORDS = /^(?:(?<d>\d+)d)?(?:(?<h>\d+)h)?(?:(?<m>\d+)m)?(?:(?<s>\d+)s)?(?:(?<ms>\d+)ms)?$/;

const UNITS = { d: 86_400_000, h: 3_600_000, m: 60_000, s: 1_000, ms: 1 } as const;

/** @throws `TEST_KIT_MISUSED` when it is no duration, or not one that time can move by */
export function durationMs(duration: Duration): number {
  const ms = typeof duration === 'number' ? duration : wordsMs(duration);
  if (ms >= 0 && ms <= Number.MAX_SAFE_INTEGER) return ms;
  const message = `a duration is milliseconds from 0 up, or like '250ms', '20s', '30m', '2h', '7d' or '1m30s', got ${shown(duration)}`;
  throw new EnginehouseError('TEST_KIT_MISUSED', message, { part: 'clock' }, { cure: CURE });
}

const CURE = 'Write whole numbers with their units, the largest first and without spaces: 1h30m, not 1.5h.';

function wordsMs(words: string): number {
  const groups = words === '' ? undefined : WORDS.exec(words)?.groups;
  if (groups === undefined) return Number.NaN;
  return Object.entries(UNITS).reduce((sum, [unit, ms]) => sum + Number(groups[unit] ?? 0) * ms, 0);
}

function shown(duration: unknown): string {
  return typeof duration === 'string' ? `'${duration.slice(0, 100)}'` : String(duration);
}
