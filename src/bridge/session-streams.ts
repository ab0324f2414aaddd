import type { WebSocket } from 'ws';

import type { Clock } from '../base/clock.ts';
import { EnginehouseError, type ErrorJson } from '../base/errors.ts';
import type { Owner } from '../context/ids.ts';
import type { Limits } from '../context/limits.ts';
import { CLOSE, type ServerFrame, type SubscribeFrom } from '../context/wire.ts';
import type { LiveRuns } from './live-runs.ts';
import { SendWindow } from './send-window.ts';
import { SocketOutlet } from './socket-outlet.ts';
import { SocketPump } from './socket-pump.ts';
import { Subscriptions, type Begun, type Subscription, type SubscriptionCount } from './subscriptions.ts';
import type { Timers } from './timers.ts';

export interface SessionStreamsDeps {
  readonly socket: WebSocket;
  readonly owner: Owner;
  readonly runs: LiveRuns;
  readonly count: SubscriptionCount;
  readonly windowBytes: number;
  readonly clock: Clock;
  readonly limits: Limits;
  readonly timers: Timers<'gather' | 'slow'>;
  readonly say: (frame: ServerFrame) => void;
  readonly tell: (thrown: unknown, what: string) => ErrorJson;
  /** The connection cannot go on. */
  readonly refuse: (code: number, thrown: unknown, what: string) => void;
}

/** What one connection follows: its subscriptions, its window, and the pump between them and the socket. */
export class SessionStreams implements Disposable {
  readonly #deps: SessionStreamsDeps;
  readonly #window: SendWindow;
  readonly #subscriptions: Subscriptions;
  readonly #pump: SocketPump;

  constructor(deps: SessionStreamsDeps) {
    const { owner, runs, count, clock, limits, timers, refuse } = deps;
    this.#deps = deps;
    this.#window = new SendWindow(deps.windowBytes);
    this.#pump = new SocketPump({
      outlet: new SocketOutlet(deps.socket, deps.say),
      window: this.#window,
      clock,
      timers,
      limits,
      ended: (subscription, found) => this.#ended(subscription, found),
      slow: () => refuse(CLOSE.slow, tooSlow(limits.slowClientMs), 'sending events'),
      failed: (error) => refuse(CLOSE.internal, error, 'sending events'),
    });
    const max = limits.subscriptionsPerUser;
    this.#subscriptions = new Subscriptions({ owner, runs, count, max, due: (one) => this.#pump.offer(one) });
  }

  /** Bytes of events that were sent. */
  get sentBytes(): number {
    return this.#pump.sentBytes;
  }

  heads(): Readonly<Record<string, number>> {
    return this.#subscriptions.heads();
  }

  /** Finds a run and the place in it. `undefined` when the stream was left or replaced meanwhile. Never rejects. */
  begin(stream: string, from: SubscribeFrom): Promise<Begun | ErrorJson | undefined> {
    this.#window.forget(stream);
    return this.#subscriptions.begin(stream, from).catch((error: unknown) => this.#deps.tell(error, 'subscribing'));
  }

  /** Says how a subscription began, then lets its events flow. */
  announce(stream: string, begun: Begun | ErrorJson | undefined): void {
    const { say } = this.#deps;
    if (begun === undefined) return;
    if ('code' in begun) return say({ t: 'err', s: stream, err: begun });
    const { subscription, resumed } = begun;
    if (subscription.state !== 'opening') return;
    if (!resumed) say({ t: 'gap', s: stream, e: subscription.run.epoch, oldest: 1, why: 'epoch' });
    this.#subscriptions.open(subscription);
  }

  leave(stream: string): void {
    this.#window.forget(stream);
    this.#subscriptions.leave(stream);
    this.#pump.resume();
  }

  acknowledged(cursors: Readonly<Record<string, number>>): void {
    for (const [stream, seq] of Object.entries(cursors)) this.#window.acknowledged(stream, seq);
    this.#pump.resume();
  }

  /** There may be room in the socket again. */
  resume(): void {
    this.#pump.resume();
  }

  /** Resolves when everything known so far was given to the socket, or nothing more can be. */
  flush(): Promise<void> {
    return this.#pump.flush();
  }

  /** Sends no more events. */
  stop(): void {
    this.#pump.stop();
  }

  [Symbol.dispose](): void {
    this.#pump.stop();
    this.#subscriptions[Symbol.dispose]();
  }

  #ended({ stream, run: { runId: id } }: Subscription, found: boolean): void {
    this.#subscriptions.leave(stream);
    if (found) return;
    const error = new EnginehouseError('NOT_FOUND', `run ${id} was deleted`, { what: 'run', id });
    this.#deps.say({ t: 'err', s: stream, err: error.toJSON() });
  }
}

function tooSlow(timeoutMs: number): EnginehouseError {
  return new EnginehouseError('DEADLINE', `the client took nothing for ${timeoutMs} ms`, {
    what: 'the client',
    timeoutMs,
  });
}
