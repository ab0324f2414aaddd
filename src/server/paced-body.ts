/**
 * A response body that is sent as it comes.
 *
 *   B1. Nothing is opened before the first read: a body that nobody reads costs nothing.
 *   B2. The next piece is asked for when the client took the one before.
 *   B3. A client that takes nothing for `stallMs` while a piece waits is cut off.
 *   B4. However it ends, the source's signal aborts, and `ended` is called once,
 *       with the failure if it was one. After a failure the connection is cut,
 *       so that the client does not take a part for the whole.
 */

import type { Clock, Disarm } from '../base/clock.ts';
import { EnginehouseError } from '../base/errors.ts';
import { LinkedSignal } from '../base/linked-signal.ts';

export interface BodyPlan {
  readonly open: (signal: AbortSignal) => AsyncIterable<Uint8Array>;
  readonly clock: Clock;
  readonly stallMs: number;
  /** Ends the body in good order when it aborts. */
  readonly until?: AbortSignal | undefined;
  /** Sent whenever nothing else was for so long. */
  readonly heartbeat?: { readonly everyMs: number; readonly piece: Uint8Array } | undefined;
  /** Cuts the connection; without it the body itself fails. */
  readonly cut: (() => void) | undefined;
  readonly ended: (failure: unknown) => void;
}

export function pacedBody(plan: BodyPlan): ReadableStream<Uint8Array> {
  const body = new PacedBody(plan);
  const source = {
    pull: (controller: ReadableStreamDefaultController<Uint8Array>) => body.pull(controller),
    cancel: () => body.end(undefined),
  };
  return new ReadableStream<Uint8Array>(source, { highWaterMark: 0 });
}

class PacedBody {
  readonly #plan: BodyPlan;
  readonly #link: LinkedSignal;
  #pieces: AsyncIterator<Uint8Array> | undefined;
  #disarmStall: Disarm = () => undefined;
  #ended = false;

  constructor(plan: BodyPlan) {
    this.#plan = plan;
    this.#link = new LinkedSignal(plan.until === undefined ? [] : [plan.until]);
  }

  async pull(controller: ReadableStreamDefaultController<Uint8Array>): Promise<void> {
    this.#disarmStall();
    const quiet = this.#beat(controller);
    try {
      this.#pieces ??= this.#plan.open(this.#link.signal)[Symbol.asyncIterator]();
      const { done, value } = await this.#pieces.next();
      if (this.#ended) return;
      if (done === true) this.#close(controller);
      else this.#give(controller, value);
    } catch (error) {
      this.#fail(controller, error);
    } finally {
      quiet();
    }
  }

  end(failure: unknown): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#disarmStall();
    this.#link.abort(new EnginehouseError('CLOSED', 'the body is no longer wanted', { what: 'body' }));
    this.#link[Symbol.dispose]();
    this.#plan.ended(failure);
  }

  #give(controller: ReadableStreamDefaultController<Uint8Array>, piece: Uint8Array): void {
    controller.enqueue(piece);
    const { clock, stallMs } = this.#plan;
    const reason = `the client took nothing for ${stallMs} ms`;
    this.#disarmStall = clock.after(stallMs, () =>
      this.#fail(controller, new EnginehouseError('DISCONNECTED', reason, { reason })),
    );
  }

  #close(controller: ReadableStreamDefaultController<Uint8Array>): void {
    this.end(undefined);
    controller.close();
  }

  #fail(controller: ReadableStreamDefaultController<Uint8Array>, error: unknown): void {
    if (this.#ended) return;
    if (this.#plan.until?.aborted === true) {
      this.#close(controller);
      return;
    }
    const { cut } = this.#plan;
    this.end(error);
    if (cut === undefined) controller.error(error);
    else cut();
  }

  /** Sends heartbeats until the returned function is called. At most one waits to be read. */
  #beat(controller: ReadableStreamDefaultController<Uint8Array>): Disarm {
    const { heartbeat, clock } = this.#plan;
    if (heartbeat === undefined) return () => undefined;
    let disarm: Disarm = () => undefined;
    const arm = (): void => {
      disarm = clock.after(heartbeat.everyMs, () => {
        if (this.#ended) return;
        if (controller.desiredSize === 0) controller.enqueue(heartbeat.piece);
        arm();
      });
    };
    arm();
    return () => disarm();
  }
}
