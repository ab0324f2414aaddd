/**
 * Where something was opened, for a person: the frames of the caller's own code,
 * the nearest first. What Node, packages and this house did in between is left out.
 */

/** Frames that are told. One names the line; the others say how it was reached. */
const FRAMES = 3;
/** A socket is opened a long way below the line that asked for it. */
const DEPTH = 50;

/** The folder of this house, as frames name it: with or without the scheme. */
const HOUSE = new URL('../../', import.meta.url);
const HOUSE_PLACES = [HOUSE.href, decodeURIComponent(HOUSE.pathname)];
const TEST_FILE = /\.(test|spec)\.[cm]?[jt]sx?:\d+:\d+\)?$/;

const NODES = /^at (async )?node:|\(node:/;

/** The line of an error's stack where its frames begin. */
const FRAME = /^\s*at /;

/** The caller's frames of a stack, `undefined` when there are none, or no stack. */
export function originOf(stack: string | undefined): string | undefined {
  const frames = framesOf(stack).filter((frame) => !isInside(frame));
  return frames.length === 0 ? undefined : frames.slice(0, FRAMES).join('\n');
}

/** The place of the nearest frame that is the caller's own, or of the nearest at all. */
export function usefulPlace(stack: string | undefined): string | undefined {
  const frames = framesOf(stack);
  const frame = frames.find((each) => !isInside(each)) ?? frames[0];
  return frame === undefined ? undefined : placeOf(frame);
}

/** `file:line:col in fn`, for the middle of a message: runners take a line that ends with the numbers for a frame. */
export function placeOf(frame: string): string {
  const [, fn, place, bare] = /^at (?:async )?(?:(.*) \((.*)\)|(.*))$/.exec(frame) ?? [];
  return `${place ?? bare ?? frame} in ${fn ?? 'a function without a name'}`;
}

/** All frames of a stack, each `at fn (file:line:col)`, the nearest first. */
export function framesOf(stack: string | undefined): readonly string[] {
  const lines = stack?.split('\n').filter((line) => FRAME.test(line)) ?? [];
  return lines.map((line) => line.trim().replace('file://', ''));
}

/** Whether a frame is Node's, a package's or this house's. The house's tests are callers like any others. */
export function isInside(frame: string): boolean {
  if (NODES.test(frame) || frame.includes('/node_modules/')) return true;
  if (frame.endsWith('<anonymous>)') || frame.endsWith('(native)')) return true;
  return HOUSE_PLACES.some((place) => frame.includes(place)) && !TEST_FILE.test(frame);
}

/** An error that knows its whole way here. Its text is made only when it is asked for. */
export function deepStack(): Error {
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = DEPTH;
  const here = new Error('opened here');
  Error.stackTraceLimit = stackTraceLimit;
  return here;
}
