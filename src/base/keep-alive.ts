/** The platform's own, see clock.ts. */
const { setInterval, clearInterval } = globalThis;

/** Far enough to never matter; the process is held by the timer, not by its firing. */
const LONG_MS = 2 ** 30;

/** Holds the process open until the returned function is called. Whatever has an owner that closes it may do so; timers of the clock do not. */
export function keepAlive(): () => void {
  const timer = setInterval(() => undefined, LONG_MS);
  return () => clearInterval(timer);
}
