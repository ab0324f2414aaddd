/**
 * The matchers on timelines for Vitest. Importing this file adds them to `expect`.
 *
 * They wait for the run's end, so they are awaited.
 *
 * @example
 * await expect(run).toHaveTimeline((t) => t.seq(t.started, t.tool('search'), t.completed));
 * await expect(run).toMatchTimelineSnapshot();
 * await expect(bob).toHaveSeenNothing();
 */

import { expect, Snapshots, type AsyncMatcherResult, type MatcherState } from 'vitest';

import { seenBy, seenText, timelineSnapshot, type SeeingUser } from '../timeline/assert.ts';
import { timelineMismatch } from '../timeline/explain.ts';
import { patternText } from '../timeline/pattern-node.ts';
import { patternOf, type Expectation } from '../timeline/pattern.ts';
import { readRun, type TimelineOptions, type TimelineSource } from '../timeline/source.ts';

declare module 'vitest' {
  // The names and bounds are Vitest's own: declarations of one interface must agree on them.
  interface Matchers<R extends void | Promise<void> = void | Promise<void>, T = unknown> {
    /** A run, or its events: what happened is what the pattern says. */
    toHaveTimeline(expected: Expectation, options?: TimelineOptions): Promise<void>;
    /** A run, or its events: what happened is what happened when the snapshot was written. */
    toMatchTimelineSnapshot(hint?: string, options?: TimelineOptions): Promise<void>;
    /** A user: no socket was told anything but greetings, heartbeats and refusals. */
    toHaveSeenNothing(): Promise<void>;
  }
}

expect.extend({
  async toHaveTimeline(run: TimelineSource, expected: Expectation, options?: TimelineOptions): AsyncMatcherResult {
    const node = patternOf(expected);
    const mismatch = timelineMismatch(node, await readRun(run, options));
    const otherwise = `the timeline is ${patternText(node)}, and was expected not to be`;
    return { pass: mismatch === undefined, message: () => mismatch ?? otherwise };
  },

  async toMatchTimelineSnapshot(
    this: MatcherState,
    run: TimelineSource,
    hint?: string,
    options?: TimelineOptions,
  ): AsyncMatcherResult {
    return Snapshots.toMatchSnapshot.call(this, await timelineSnapshot(run, options), hint);
  },

  async toHaveSeenNothing(user: SeeingUser): AsyncMatcherResult {
    const frames = await seenBy(user);
    const message = () =>
      frames.length === 0 ? 'the user has seen nothing, and was expected to see something' : seenText(user, frames);
    return { pass: frames.length === 0, message };
  },
});
