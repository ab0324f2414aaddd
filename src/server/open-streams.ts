/**
 * The live streams over HTTP, all of them.
 *
 *   O1. A user may have as many of them as sockets, counted by themselves.
 *   O2. A stream outlives neither the sign-in it was opened with nor the doors.
 */

import type { Clock, Disarm } from '../base/clock.ts';
import { EnginehouseError } from '../base/errors.ts';
import { LinkedSignal } from '../base/linked-signal.ts';
import { ownerKey } from '../context/ids.ts';
import type { Limits } from '../context/limits.ts';
import type { Principal } from '../context/principal.ts';

interface OpenStreamsDeps {
  readonly clock: Clock;
  readonly limits: Pick<Limits, 'socketsPerUser'>;
}

/** Dispose it when the stream has ended. */
export interface OpenStream extends Disposable {
  /** Aborts when the stream has to end. */
  readonly until: AbortSignal;
}

/** The longest that a timer can wait, a little under 25 days. */
const LONGEST_WAIT_MS = 2 ** 31 - 1;

export class OpenStreams {
  readonly #deps: OpenStreamsDeps;
  readonly #perUser = new Map<string, number>();
  readonly #closing = new AbortController();

  constructor(deps: OpenStreamsDeps) {
    this.#deps = deps;
  }

  get closed(): boolean {
    return this.#closing.signal.aborted;
  }

  /** @throws `LIMIT_REACHED` when the user has `limits.socketsPerUser` streams. */
  open(principal: Principal): OpenStream {
    const leave = this.#count(principal);
    const link = new LinkedSignal([this.#closing.signal]);
    const disarm = this.#expire(principal, link);
    return {
      until: link.signal,
      [Symbol.dispose]: () => {
        disarm();
        link[Symbol.dispose]();
        leave();
      },
    };
  }

  /** Ends every stream, now and later. */
  close(): void {
    this.#closing.abort(new EnginehouseError('DRAINING', 'the server is closing', {}));
  }

  #count(principal: Principal): () => void {
    const max = this.#deps.limits.socketsPerUser;
    const key = ownerKey(principal);
    const open = this.#perUser.get(key) ?? 0;
    if (open >= max) {
      throw new EnginehouseError('LIMIT_REACHED', `${principal.userId} has ${open} event streams already`, {
        limit: 'socketsPerUser',
        max,
      });
    }
    this.#perUser.set(key, open + 1);
    return () => {
      const left = (this.#perUser.get(key) ?? 1) - 1;
      if (left === 0) this.#perUser.delete(key);
      else this.#perUser.set(key, left);
    };
  }

  #expire({ expiresAt }: Principal, link: LinkedSignal): Disarm {
    if (expiresAt === undefined) return () => undefined;
    const { clock } = this.#deps;
    const reason = 'the token has expired';
    const over = new EnginehouseError('UNAUTHENTICATED', `no longer signed in: ${reason}`, { reason });
    return clock.after(Math.min(expiresAt - clock.now(), LONGEST_WAIT_MS), () => link.abort(over));
  }
}
