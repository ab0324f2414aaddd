/** On `globalThis`, because a page and a test may each have a copy of this module. */
export const OPENING: unique symbol = Symbol.for('enginehouse.client.opening');

/** Calls what opens a connection, and knows who is calling. */
export type AroundOpening = (open: () => void) => void;

/**
 * Begins to connect. A test kit may stand here: the socket itself opens after an
 * await, when nothing tells any more who asked for it.
 */
export function asOpening(open: () => void): void {
  const around = (globalThis as { [OPENING]?: AroundOpening | undefined })[OPENING];
  if (around === undefined) open();
  else around(open);
}
