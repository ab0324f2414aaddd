const FIRST_MS = 250;
const LONGEST_MS = 15_000;

/**
 * Milliseconds before the next attempt, after so many failures in a row: none
 * after the first, then anything up to 250 ms, 500 ms, 1 s … 15 s. The whole
 * range is drawn from, so that many clients do not come back together.
 */
export function backoffMs(failures: number, random: number): number {
  if (failures <= 1) return 0;
  return random * Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(failures - 2, 10));
}

/** Where a server that drains asked its clients to come back: somewhere between the two. */
export function drainMs([least, most]: readonly [number, number], random: number): number {
  return least + random * Math.max(0, most - least);
}
