import { EnginehouseError } from '../../base/errors.ts';
import { Seed } from '../seed.ts';
import type { TestUser } from '../test-user.ts';
import type { Worker } from './worker.ts';
import { configFile, type WorkerOptions } from './worker-options.ts';
import type { CrashMoment, WorkerPoint } from './worker-orders.ts';

/** What a scenario is played with: a fresh worker, a fresh store, fresh users. */
export interface CrashScene {
  readonly worker: Worker;
  /** A fresh user of the worker. The name tells whose runs are compared; two of one name are told apart by their order. */
  user(name: string): TestUser;
}

/**
 * What users do, and what they were answered: JSON that is the same each time,
 * but for ids and times. Clients come back by themselves when the process dies; a
 * plain HTTP request that is under way then fails, as it does in production.
 */
export type CrashScenario<Answer> = (scene: CrashScene) => Promise<Answer>;

export interface CrashSweepOptions extends WorkerOptions {
  /** The durable points to crash at, by number. @default all of them */
  readonly points?: readonly number[] | undefined;
  /**
   * At which moments of a point: `durable`, once it is written and before anybody was told; `before`, when what leads to
   * it was done and nothing of it is written.
   *
   * @default ['durable']
   */
  readonly moments?: readonly CrashMoment[] | undefined;
  /**
   * The outcome of a tool that was under way and is not idempotent is unknown after a crash, and its agent may go another
   * way then. With true such a run must end, and is not compared; without, it fails the sweep.
   *
   * @default false
   */
  readonly allowUnknown?: boolean | undefined;
  /** What is another text each time by itself, and is left out of what is compared. @default nothing but ids and times */
  readonly mask?: readonly RegExp[] | undefined;
  /** Milliseconds to crash for: points are tried in an order drawn from the seed, until these are over. @default no end but the last point */
  readonly budgetMs?: number | undefined;
  /** @default ENGINEHOUSE_SEED, else a fresh one */
  readonly seed?: string | number | undefined;
  /** Plays that are under way at once. @default 2 */
  readonly concurrency?: number | undefined;
  /** Milliseconds for one play, to the end of its last run. @default 20_000 */
  readonly timeoutMs?: number | undefined;
}

/** A crash that was tried. */
export interface TriedCrash {
  readonly n: number;
  readonly when: CrashMoment;
  /** The write at which the process died; `undefined` when fewer were written than without a crash, and it lived. */
  readonly point: WorkerPoint | undefined;
  /** Whether the outcome of a tool became unknown by it. */
  readonly unknown: boolean;
  readonly ms: number;
}

export interface CrashSweepReport {
  /** The durable points of the scenario. */
  readonly points: readonly WorkerPoint[];
  /** The crashes that were tried, in order. */
  readonly tried: readonly TriedCrash[];
  /** Crashes that the budget had no time for. */
  readonly left: number;
  /** What to set to have the same ones again. */
  readonly seed: string;
  readonly tookMs: number;
}

export interface ResolvedSweep {
  readonly worker: WorkerOptions & { readonly config: string };
  readonly points: readonly number[] | undefined;
  readonly moments: readonly CrashMoment[];
  readonly allowUnknown: boolean;
  readonly mask: readonly RegExp[];
  readonly budgetMs: number | undefined;
  readonly seed: Seed;
  readonly concurrency: number;
  readonly timeoutMs: number;
}

/** @throws `CONFIG_INVALID` naming the option, `CONFIG_NOT_LOADED` */
export function resolveSweep(options: CrashSweepOptions): ResolvedSweep {
  const { config, store, limits, env, log, points, moments = ['durable'], allowUnknown = false, mask = [] } = options;
  const { budgetMs, seed, concurrency = 2, timeoutMs = 20_000 } = options;
  for (const [option, value] of Object.entries({ concurrency, timeoutMs, budgetMs: budgetMs ?? 1 }))
    if (!(value >= 1)) throw invalid(option, `${option} must be from 1 up, got ${value}`, value);
  for (const point of points ?? [])
    if (!Number.isSafeInteger(point) || point < 1)
      throw invalid('points', `a point is a whole number from 1 up, got ${point}`, point);
  if (moments.length === 0) throw invalid('moments', 'moments must name at least one of durable and before', moments);
  return {
    worker: { config: configFile(config), store, limits, env, log },
    points,
    moments,
    allowUnknown,
    mask,
    budgetMs,
    seed: Seed.of(seed),
    concurrency: Math.floor(concurrency),
    timeoutMs,
  };
}

function invalid(option: string, message: string, received: unknown): EnginehouseError {
  return new EnginehouseError('CONFIG_INVALID', message, { option, received });
}
