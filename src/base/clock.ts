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

/**
 * The platform's own, kept from the start: a test runner may put timers of its own in their place, which stand still
 * while sockets and disks do not.
 */
const { setTimeout, clearTimeout, Date } = globalThis;

/** The longest that a timer of the platform can be; it fires at once when it is asked for more. */
const LONGEST_MS = 2 ** 31 - 1;

export const systemClock: Clock = {
  now: () => Date.now(),
  after: (ms, fire) =>
    arm(ms, fire, (timer) => {
      // A browser's timer is a number; Node's must not hold the process open.
      if (typeof timer === 'object') timer.unref();
    }),
};

/** The same, but a timer holds the process open: for waits that are somebody's only work, such as a client's next attempt. */
export const holdingClock: Clock = {
  now: systemClock.now,
  after: (ms, fire) => arm(ms, fire, () => undefined),
};

function arm(ms: number, fire: () => void, armed: (timer: ReturnType<typeof setTimeout>) => void): Disarm {
  let timer: ReturnType<typeof setTimeout>;
  const wait = (leftMs: number): void => {
    const more = leftMs - LONGEST_MS;
    timer = more > 0 ? setTimeout(() => wait(more), LONGEST_MS) : setTimeout(fire, leftMs);
    armed(timer);
  };
  wait(ms);
  return () => clearTimeout(timer);
}

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
