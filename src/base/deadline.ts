import type { Clock } from './clock.ts';
import { EnginehouseError } from './errors.ts';

/**
 * Waits for `work`, but no longer than `timeoutMs`. The work is left behind, not
 * stopped; its late result or failure is dropped.
 *
 * @throws `DEADLINE` naming `what` after `timeoutMs` milliseconds.
 */
export function withDeadline<T>(what: string, timeoutMs: number, clock: Clock, work: PromiseLike<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const disarm = clock.after(timeoutMs, () =>
      reject(new EnginehouseError('DEADLINE', `${what} did not end within ${timeoutMs} ms`, { what, timeoutMs })),
    );
    work.then(
      (value) => {
        disarm();
        resolve(value);
      },
      (error: unknown) => {
        disarm();
        reject(error);
      },
    );
  });
}

/** Settles as `work` does, or rejects with the signal's reason when it aborts first. The loser is dropped. */
export function orAborted<T>(work: PromiseLike<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) {
      work.then(undefined, () => undefined);
      reject(signal.reason);
      return;
    }
    const leave = (): void => reject(signal.reason);
    signal.addEventListener('abort', leave, { once: true });
    const stay = (): void => signal.removeEventListener('abort', leave);
    work.then(
      (value) => {
        stay();
        resolve(value);
      },
      (error: unknown) => {
        stay();
        reject(error);
      },
    );
  });
}
