/** What a worker's process is told by the test's, and what it answers: one message each, over the channel that Node keeps between the two. */

import type { ErrorJson } from '../../base/errors.ts';
import type { EventType } from '../../context/event.ts';
import type { LimitOptions } from '../../context/limits.ts';
import type { LogLevel, StoreOptions } from '../../startup/config.ts';

/** How a runtime is to be started. */
export interface StartOrder {
  readonly store: StoreOptions;
  /** 0 takes a free one. */
  readonly port: number;
  readonly secret: string;
  readonly limits: LimitOptions;
  readonly log: LogLevel;
}

export interface Started {
  readonly url: string;
  readonly recoveredRuns: number;
  /** As the configuration names it. */
  readonly tenantClaim: string | undefined;
}

/**
 * Where a process dies: at the next write that adds an event of this type to a log, or at the n-th write of the users
 * from when it is asked for.
 */
export type CrashPlace = EventType | { readonly point: number };

/** Before the store is asked, so that nothing is written; or once it is durable, and nobody was told. */
export type CrashMoment = 'before' | 'durable';

export interface ArmOrder {
  readonly at: CrashPlace;
  readonly when: CrashMoment;
}

/** A write of a user, where a process may die. */
export interface WorkerPoint {
  /** 1, 2, 3 … in the life of this process; when it died by order, from that order on. */
  readonly n: number;
  readonly operation: string;
  /** The types of the events that it adds to a log. */
  readonly types: readonly EventType[];
  readonly user: string;
  readonly runId: string | undefined;
  /** For a person: `append agent_started, agent_thinking`. */
  readonly description: string;
}

/** Each order with its answer. */
export interface WorkerOrders {
  /** Loads the configuration, and all modules: what takes most of a start, and can be done before. */
  load: { readonly order: { readonly config: string }; readonly answer: null };
  start: { readonly order: StartOrder; readonly answer: Started };
  arm: { readonly order: ArmOrder; readonly answer: null };
  /** Takes the order to die back, and gives the points that came since. */
  disarm: { readonly order: null; readonly answer: readonly WorkerPoint[] };
  /** Closes the runtime, as production does. The process can be started again, on another store. */
  stop: { readonly order: null; readonly answer: null };
  /** The durable points so far. */
  points: { readonly order: null; readonly answer: readonly WorkerPoint[] };
}

export type OrderName = keyof WorkerOrders;

export interface OrderMessage<Name extends OrderName = OrderName> {
  readonly id: number;
  readonly name: Name;
  readonly order: WorkerOrders[Name]['order'];
}

export type AnswerMessage =
  { readonly id: number; readonly answer: unknown } | { readonly id: number; readonly error: ErrorJson };

/** The pipe into which a process that is about to kill itself writes at which point: a message might not get out. */
export const POINT_DESCRIPTOR = 4;
