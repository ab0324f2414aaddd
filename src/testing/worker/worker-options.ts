import { EnginehouseError } from '../../base/errors.ts';
import type { LimitOptions } from '../../context/limits.ts';
import type { LogLevel } from '../../startup/config.ts';
import { findConfig } from '../../startup/load-config.ts';
import type { TestStore } from '../test-options.ts';
import type { CrashMoment, CrashPlace, WorkerPoint } from './worker-orders.ts';

/** What a test says of the worker it wants. Nothing is needed. */
export interface WorkerOptions {
  /** The file of the tested application's configuration. @default the project's enginehouse.config.ts */
  readonly config?: string | undefined;
  /** @default ENGINEHOUSE_TEST_STORE, else 'sqlite': a file, for a process that is killed must leave something */
  readonly store?: TestStore | undefined;
  /** Limits on top of the configuration's. @default short drains */
  readonly limits?: LimitOptions | undefined;
  /** On top of the environment of the test's own process. */
  readonly env?: Readonly<Record<string, string>> | undefined;
  /** What its process logs is shown when it fails. @default 'warn' */
  readonly log?: LogLevel | undefined;
}

export interface KillOptions {
  /**
   * When the process dies: at once; at the next write that adds an event of this type to the log of a user's run; or at
   * the n-th write of users from now.
   *
   * @default 'now'
   */
  readonly at?: CrashPlace | 'now' | undefined;
  /** Before that write, so that nothing of it is there, or once it is durable and nobody was told. @default 'durable' */
  readonly when?: CrashMoment | undefined;
  /** False leaves it dead, until `restart()`. @default true */
  readonly restart?: boolean | undefined;
  /** Milliseconds to wait for the point. @default 20_000 */
  readonly timeoutMs?: number | undefined;
}

/** How a worker's process died. */
export interface Death {
  readonly pid: number;
  /** The write at which it died; `undefined` when it was killed `'now'`. */
  readonly point: WorkerPoint | undefined;
}

/** A process that is going to be killed. Resolves when it is dead and, unless told otherwise, another one is in its place. */
export interface Kill extends Promise<Death> {
  /** Resolves once the process knows where it is to die. Await it before the test does what leads there. */
  readonly armed: Promise<void>;
}

/** @throws `CONFIG_NOT_LOADED` when the project has no configuration */
export function configFile(config: string | undefined): string {
  const file = config ?? findConfig(process.cwd());
  if (file !== undefined) return file;
  const reason = 'a worker is a process of its own and loads the application from a file; there is none';
  throw new EnginehouseError('CONFIG_NOT_LOADED', `no enginehouse.config.ts in ${process.cwd()}: ${reason}`, {
    file: 'enginehouse.config.ts',
    reason,
  });
}
