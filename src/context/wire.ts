/**
 * The frames of the native protocol `enginehouse.v1` over `/ws`: JSON text, one
 * object each. Server frames are types only; client frames are also parsed, in
 * `wire-schema.ts`, by the door that takes them. This file loads in a browser
 * as it is, so it imports nothing that needs a bundler.
 */

import type { ErrorJson } from '../base/errors.ts';
import type { EventTuple } from './event-tuple.ts';
import type { FinalStatus } from './run-status.ts';

export const SUBPROTOCOL = 'enginehouse.v1';

/** A cursor: everything up to `after` has been applied. */
export interface Cursor {
  readonly epoch: string;
  readonly after: number;
}

export type SubscribeFrom = 'start' | 'live' | Cursor;

export type ClientFrame =
  | {
      readonly t: 'hello';
      readonly v: 1;
      readonly client?: { readonly name: string; readonly ver: string } | undefined;
      readonly subs?: readonly ({ readonly s: string } & ({ readonly from: SubscribeFrom } | Cursor))[] | undefined;
      readonly window?: number | undefined;
    }
  | { readonly t: 'sub'; readonly s: string; readonly from: SubscribeFrom }
  | { readonly t: 'unsub'; readonly s: string }
  | { readonly t: 'ack'; readonly c: Readonly<Record<string, number>> }
  | { readonly t: 'cmd'; readonly id: string; readonly op: 'run.start'; readonly a: StartArguments }
  | { readonly t: 'cmd'; readonly id: string; readonly op: 'run.cancel'; readonly a: CancelArguments }
  | { readonly t: 'ping'; readonly n: number };

export interface StartArguments {
  readonly agent: string;
  readonly input: unknown;
  /** Chosen by the caller so that a repeated start attaches; made by the server when absent. */
  readonly runId?: string | undefined;
  readonly threadId?: string | undefined;
}

export interface CancelArguments {
  readonly runId: string;
  readonly reason?: string | undefined;
}

/** Where the effect of a command is visible. */
export interface Position {
  readonly s: string;
  readonly seq: number;
}

export type ServerFrame =
  | {
      readonly t: 'ready';
      readonly v: 1;
      readonly sid: string;
      readonly hb: number;
      readonly maxFrame: number;
      /** Frames that a client may send per second, and at once. */ readonly rate?: readonly [number, number];
      readonly window: number;
      readonly user: string;
      readonly streams: Readonly<
        Record<string, { readonly epoch: string; readonly head: number; readonly resumed: boolean }>
      >;
    }
  | {
      readonly t: 'ev';
      readonly s: string;
      readonly e: string;
      readonly from: number;
      readonly at: number;
      readonly ev: readonly EventTuple[];
    }
  /** The cursor's epoch is not the log's: the stream is sent again from the start. */
  | { readonly t: 'gap'; readonly s: string; readonly e: string; readonly oldest: number; readonly why: 'epoch' }
  | {
      readonly t: 'end';
      readonly s: string;
      readonly seq: number;
      readonly status: FinalStatus;
      readonly n: number;
      readonly crc: string;
    }
  | { readonly t: 'res'; readonly id: string; readonly ok: true; readonly at: Position }
  | { readonly t: 'res'; readonly id: string; readonly ok: false; readonly err: ErrorJson }
  | { readonly t: 'hb'; readonly at: number; readonly head: Readonly<Record<string, number>> }
  | { readonly t: 'drain'; readonly in: readonly [number, number]; readonly why: string }
  | { readonly t: 'err'; readonly err: ErrorJson; readonly s?: string }
  | { readonly t: 'pong'; readonly n: number };

export const CLOSE = {
  done: 1000,
  goingAway: 1001,
  tooBig: 1009,
  restart: 1012,
  badFrame: 4400,
  unauthenticated: 4401,
  forbidden: 4403,
  noCommonVersion: 4406,
  noHello: 4408,
  replaced: 4409,
  limits: 4429,
  internal: 4500,
  overloaded: 4503,
  slow: 4508,
  resync: 4510,
} as const;

/** Whether a client that was closed with this code may come back by itself. */
export function mayReconnect(code: number): boolean {
  return code < 4400 || code >= 4500;
}

/** A CRC-32 as eight lower-case hexadecimal digits. */
export function crcText(crc: number): string {
  return crc.toString(16).padStart(8, '0');
}

/** The stream of a run, as `s` in frames. */
export function runStream(runId: string): string {
  return `run:${runId}`;
}
