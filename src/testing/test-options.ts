import type { LimitOptions } from '../context/limits.ts';
import type { EnginehouseConfig, LogLevel, Seams } from '../startup/config.ts';

/** What a test says of the runtime it wants. Nothing is needed. */
export interface TestRuntimeOptions {
  /**
   * The configuration under test, or a part that replaces the same part of the project's own.
   *
   * @default the project's enginehouse.config.ts, or no agents where there is none
   */
  readonly config?: Partial<EnginehouseConfig> | undefined;
  /** Limits on top of the configuration's. @default short drains, so that a teardown is quick */
  readonly limits?: LimitOptions | undefined;
  /** What a test may replace; see `startup()`. */
  readonly seams?: Seams | undefined;
  /** @default 'silent' */
  readonly log?: LogLevel | undefined;
}

/** Milliseconds that each step of a teardown may take. */
export const TEARDOWN_STEP_MS = 2_000;

/** A test's runtime does not wait long for runs that the test left behind. */
export const TEST_LIMITS: LimitOptions = { drainTimeoutMs: 500, cancelGraceMs: 250 };
