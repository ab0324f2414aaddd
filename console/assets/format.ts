/** Figures as people read them. */

const WHOLE = new Intl.NumberFormat('en-US');
const MONEY = new Intl.NumberFormat('en-US', {
  style: 'currency',
  currency: 'USD',
  minimumFractionDigits: 2,
  maximumFractionDigits: 2,
});
const SMALL_MONEY = new Intl.NumberFormat('en-US', {
  style: 'currency',
  currency: 'USD',
  minimumFractionDigits: 2,
  maximumFractionDigits: 4,
});
const WHEN = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'short' });

export function whole(value: number): string {
  return WHOLE.format(value);
}

export function usd(microUsd: number): string {
  const dollars = microUsd / 1_000_000;
  return (dollars !== 0 && dollars < 1 ? SMALL_MONEY : MONEY).format(dollars);
}

export function bytes(count: number): string {
  if (count < 1_000) return `${count} bytes`;
  return count < 1_000_000 ? `${(count / 1_000).toFixed(1)} KB` : `${(count / 1_000_000).toFixed(1)} MB`;
}

/** Below a second in milliseconds, then in seconds, then in minutes. */
export function duration(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  return ms < 60_000
    ? `${(ms / 1_000).toFixed(1)} s`
    : `${Math.floor(ms / 60_000)} min ${Math.round((ms % 60_000) / 1_000)} s`;
}

/** After the run's first event. */
export function since(ms: number): string {
  return `+${(ms / 1_000).toFixed(ms < 100_000 ? 2 : 0)} s`;
}

/** In the reader's own time zone. */
export function when(at: number): string {
  return WHEN.format(at);
}

/** A time of the ledger, which is in UTC. */
export function utc(iso: string): string {
  return `${iso.slice(0, 10)} ${iso.slice(11, 16)}`;
}
