/**
 * Time comes in through this port, so that a test can drive it. `Date`,
 * `setTimeout` and `setInterval` are refused by lint outside `base/`.
 */

/** Takes back what was scheduled. Safe to call twice, or after it fired. */
export type Disarm = () => void;

export interface Clock {
  /** Milliseconds since the Unix epoch. */
  now(): number;
  /** Runs `fire` once after `ms` milliseconds. The timer does not keep the process alive. */
  after(ms: number, fire: () => void): Disarm;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  after: (ms, fire) => {
    const timer = setTimeout(fire, ms);
    // A browser's timer is a number; Node's must not hold the process open.
    if (typeof timer === 'object') timer.unref();
    return () => clearTimeout(timer);
  },
};

/** The clock's time in the form that some libraries ask for. */
export function dateOf(clock: Clock): Date {
  return new Date(clock.now());
}

/**
 * Waits `ms` milliseconds of the clock.
 *
 * @throws the signal's reason when it aborts first.
 */
export function sleep(clock: Clock, ms: number, signal?: AbortSignal): Promise<void> {
  signal?.throwIfAborted();
  return new Promise((resolve, reject) => {
    const leave = (): void => {
      disarm();
      reject(signal?.reason);
    };
    const disarm = clock.after(ms, () => {
      signal?.removeEventListener('abort', leave);
      resolve();
    });
    signal?.addEventListener('abort', leave, { once: true });
  });
}
