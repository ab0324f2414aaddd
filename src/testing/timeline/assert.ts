/** Assertions on timelines without a runner: for `node:test`, Playwright and anything else. */

import { EnginehouseError } from '../../base/errors.ts';
import { canonicalTimeline } from './canonical.ts';
import { mismatchError, timelineMismatch } from './explain.ts';
import { tellingFrames } from './frames.ts';
import { patternOf, type Expectation } from './pattern.ts';
import { readRun, type TimelineOptions, type TimelineSource } from './source.ts';

/** A user of whom it is known what its sockets received. */
export interface SeeingUser {
  readonly id?: string;
  /** The text frames of all sockets of the user, as they came. */
  readonly received: readonly string[];
  /** Resolves when nothing more is on its way. */
  settled?(): Promise<void>;
}

const FRAMES_SHOWN = 10;

/**
 * Waits for the run's end and holds its timeline against a pattern.
 *
 * @throws `TIMELINE_MISMATCH` with the pattern, the run, and where they part; `DEADLINE` when the run does not end
 * @example
 * await assertTimeline(run, (t) => t.seq(t.started, t.par(t.tool('stock'), t.tool('price')), t.completed));
 */
export async function assertTimeline(
  source: TimelineSource,
  expected: Expectation,
  options: TimelineOptions = {},
): Promise<void> {
  const node = patternOf(expected);
  const mismatch = timelineMismatch(node, await readRun(source, options));
  if (mismatch !== undefined) throw mismatchError(node, mismatch);
}

/**
 * A run as one text that is the same every time the same thing happens, for any snapshot tool. Waits for the run's end.
 *
 * @throws `DEADLINE` when the run does not end
 */
export async function timelineSnapshot(source: TimelineSource, options: TimelineOptions = {}): Promise<string> {
  const { events, ...rest } = await readRun(source, options);
  return canonicalTimeline(events, rest);
}

/** What the sockets of a user were told, once nothing more is on its way: none, or its frames. */
export async function seenBy(user: SeeingUser): Promise<readonly string[]> {
  await user.settled?.();
  return tellingFrames(user.received);
}

/**
 * Holds that no socket of a user was told anything: greetings, heartbeats and refusals are nothing.
 *
 * @throws `SEEN_SOMETHING` with the frames
 */
export async function assertSeenNothing(user: SeeingUser): Promise<void> {
  const frames = await seenBy(user);
  if (frames.length > 0)
    throw new EnginehouseError('SEEN_SOMETHING', seenText(user, frames), { frames: frames.slice(0, FRAMES_SHOWN) });
}

export function seenText({ id }: SeeingUser, frames: readonly string[]): string {
  const more = frames.length > FRAMES_SHOWN ? [`… ${frames.length - FRAMES_SHOWN} more`] : [];
  const shown = [...frames.slice(0, FRAMES_SHOWN), ...more].map((frame) => `\n  ${frame}`).join('');
  return `${id === undefined ? 'the user' : `user ${id}`} has seen ${frames.length} ${frames.length === 1 ? 'frame' : 'frames'}:${shown}`;
}
