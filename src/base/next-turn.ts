/** The platform's own, see clock.ts. */
const { setImmediate } = globalThis;

/** Lets the event loop turn once, so that sockets and other work get their share. Server only. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
