import { setTimeout as sleep } from 'node:timers/promises';

/** Waits for a fact, five seconds at most, and says which fact it waited for. */
export async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  const give = performance.now() + 5_000;
  while (!(await holds())) {
    if (performance.now() > give) throw new Error(`it did not come true within 5 s: ${what}`);
    await sleep(2);
  }
}
