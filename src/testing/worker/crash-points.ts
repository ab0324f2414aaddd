/**
 * The durable points of a worker's process, and its death at one of them.
 *
 *   C1. Only what users write counts: what the house writes to verify itself is
 *       no part of a test.
 *   C2. It dies in the very call, before the store is asked or before the caller
 *       hears of it: no handler runs and nothing is flushed, as with a power cut.
 */

import { writeSync } from 'node:fs';

import { EnginehouseError } from '../../base/errors.ts';
import type { Owner } from '../../context/ids.ts';
import type { StorePoint } from '../tap/store-call.ts';
import type { StoreTap } from '../tap/store-tap.ts';
import { POINT_DESCRIPTOR, type ArmOrder, type CrashMoment, type WorkerPoint } from './worker-orders.ts';

/** Points that are remembered; a test has fewer. */
const POINTS_KEPT = 10_000;

export class CrashPoints {
  readonly #house: Owner;
  #points: WorkerPoint[] = [];
  #count = 0;
  #armed: (ArmOrder & { seen: number; readonly from: number }) | undefined;

  /** `house` is the owner whose writes are not a user's. */
  constructor(tap: StoreTap, house: Owner) {
    this.#house = house;
    tap.onCall((point) => this.#at('before', point));
    tap.onDurable((point) => this.#at('durable', point));
  }

  /** The durable ones so far, at most 10,000. */
  all(): readonly WorkerPoint[] {
    return this.#points;
  }

  /** @throws `TEST_KIT_MISUSED` when it is to die somewhere already */
  arm(order: ArmOrder): void {
    if (this.#armed !== undefined)
      throw new EnginehouseError('TEST_KIT_MISUSED', 'the worker is to be killed at another point already', {
        part: 'kill',
      });
    this.#armed = { ...order, seen: 0, from: this.#count };
  }

  /** Gives the points that came since. */
  disarm(): readonly WorkerPoint[] {
    const from = this.#armed?.from ?? this.#count;
    this.#armed = undefined;
    return this.#points.filter(({ n }) => n > from);
  }

  /** C1 */
  #at(moment: CrashMoment, point: StorePoint): void {
    const { owner, operation, types, runId, description } = point;
    if (owner === undefined || (owner.tenantId === this.#house.tenantId && owner.userId === this.#house.userId)) return;
    const told = (n: number): WorkerPoint => ({ n, operation, types, user: owner.userId, runId, description });
    const armed = this.#armed;
    if (armed?.when === moment) {
      armed.seen += 1;
      if (isThere(armed, types)) die(told(armed.seen));
    }
    if (moment === 'before') return;
    this.#count += 1;
    if (this.#points.length < POINTS_KEPT) this.#points.push(told(this.#count));
  }
}

function isThere({ at, seen }: ArmOrder & { readonly seen: number }, types: WorkerPoint['types']): boolean {
  return typeof at === 'string' ? types.includes(at) : at.point === seen;
}

/** C2. The pipe has room for one line, so that the write does not wait. */
function die(point: WorkerPoint): never {
  writeSync(POINT_DESCRIPTOR, JSON.stringify(point));
  process.kill(process.pid, 'SIGKILL');
  throw new Error('a process that was killed goes on');
}
