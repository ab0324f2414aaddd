/**
 * One socket after the other, so that a client need not know of drops.
 *
 *   connecting ──ready──▶ open ──drop──▶ reconnecting ──ready──▶ open …
 *        └──────────────────┴──refused, given up or closed──▶ closed
 *
 *   K1. A drop is answered by another attempt: at once after a connection that
 *       had been good, then with growing pauses. A server that drains says when.
 *   K2. A close code that says "do not come back", a refusal at the door, and
 *       `attempts` failures in a row end it, with the error that says why.
 *   K3. A connection that says nothing for two heartbeats is asked; one that
 *       does not answer is dropped. Nothing waits for a socket to notice itself.
 *   K4. What it knows is only this socket. Streams and commands are said again
 *       by whoever owns them, in `hello` and after `ready`.
 */

import { sleep, type Clock } from '../base/clock.ts';
import { orAborted, withDeadline } from '../base/deadline.ts';
import { EnginehouseError } from '../base/errors.ts';
import type { Ids } from '../base/ids.ts';
import { CLOSE, mayReconnect, type ClientFrame, type ServerFrame } from '../context/wire.ts';
import { backoffMs, drainMs } from './backoff.ts';
import { terminalError, type SocketEnd } from './closed-with.ts';
import { DROPPED, READY_MS, SocketLine } from './socket-line.ts';
import type { WebSocketLike } from './web-socket.ts';

export type ClientState = 'connecting' | 'open' | 'reconnecting' | 'closed';

type Ready = Extract<ServerFrame, { t: 'ready' }>;
type Hello = Extract<ClientFrame, { t: 'hello' }>;

export interface ConnectionDeps {
  readonly clock: Clock;
  readonly ids: Ids;
  /** Failures in a row after which it gives up. */
  readonly attempts: number;
  /** Whether a sign-in that ended can be renewed by connecting again. */
  readonly renews: boolean;
  /** What the socket's request carries: the sign-in. */
  readonly headers: () => Promise<Readonly<Record<string, string>>>;
  readonly open: (headers: Readonly<Record<string, string>>) => WebSocketLike;
  /** Asks the server why it does not let this client in; `undefined` when it would, or does not answer. */
  readonly refusal: () => Promise<EnginehouseError | undefined>;
  /** What a hello subscribes to. */
  readonly subscriptions: () => Hello['subs'];
  readonly ready: (ready: Ready) => void;
  readonly received: (frame: ServerFrame, bytes: number) => void;
  readonly moved: (state: ClientState) => void;
  /** It is over, for this reason; `undefined` when it was closed from here. */
  readonly over: (error: EnginehouseError | undefined) => void;
}

/** How one attempt ended. */
interface Attempt extends SocketEnd {
  readonly wasReady: boolean;
  readonly openMs: number;
  readonly drain: readonly [number, number] | undefined;
}

/** A connection that lived this long was good: the next attempt is at once. */
const GOOD_MS = 5_000;

export class Connection {
  readonly #deps: ConnectionDeps;
  readonly #life = new AbortController();
  #line: SocketLine | undefined;
  #state: ClientState = 'connecting';
  #living: Promise<void> | undefined;

  constructor(deps: ConnectionDeps) {
    this.#deps = deps;
  }

  get state(): ClientState {
    return this.#state;
  }

  /** Begins. Called once. */
  start(): void {
    this.#living = this.#live();
  }

  /** Says a frame, if there is somebody to say it to. */
  say(frame: ClientFrame): void {
    this.sayText(JSON.stringify(frame));
  }

  sayText(text: string): void {
    this.#line?.say(text);
  }

  /** Events of a stream were applied up to `seq`. */
  applied(stream: string, seq: number, bytes: number): void {
    this.#line?.acknowledgements?.applied(stream, seq, bytes);
  }

  /** Drops the socket as if the network had; the next attempt follows. */
  drop(): void {
    this.#line?.end(DROPPED);
  }

  /** Closes, and resolves when the socket has closed, a second later at most. */
  async close(): Promise<void> {
    this.#life.abort(new EnginehouseError('CLOSED', 'the client is closed', { what: 'client' }));
    await this.#living;
  }

  /** K1, K2. Never rejects. */
  async #live(): Promise<void> {
    const { clock, ids, attempts } = this.#deps;
    const { signal } = this.#life;
    let failures = 0;
    while (!signal.aborted) {
      const attempt = await this.#attempt();
      if (signal.aborted) break;
      failures = attempt.wasReady && attempt.openMs >= GOOD_MS ? 0 : failures + 1;
      const error = (await this.#why(attempt)) ?? (failures >= attempts ? gaveUp(attempts, attempt) : undefined);
      if (error !== undefined) return this.#end(error);
      if (signal.aborted) break;
      this.#move(this.#state === 'connecting' ? 'connecting' : 'reconnecting');
      const random = ids.random();
      const ms = attempt.drain === undefined ? backoffMs(failures, random) : drainMs(attempt.drain, random);
      if (ms > 0) await sleep(clock, ms, signal).catch(() => undefined);
    }
    this.#end(undefined);
  }

  /** One socket, from its opening to its end. Never rejects. */
  async #attempt(): Promise<Attempt> {
    const { clock, headers, open } = this.#deps;
    const { signal } = this.#life;
    let readyAt: number | undefined;
    let drain: readonly [number, number] | undefined;
    try {
      const signedIn = await orAborted(withDeadline('signing in', READY_MS, clock, headers()), signal);
      const line = new SocketLine(open(signedIn), clock, {
        opened: () => line.say(JSON.stringify(this.#hello())),
        received: (frame, bytes) => {
          if (frame.t === 'drain') drain = frame.in;
          if (frame.t === 'ready') {
            readyAt = clock.now();
            this.#move('open');
            this.#deps.ready(frame);
          } else if (readyAt !== undefined) this.#deps.received(frame, bytes);
        },
      });
      this.#line = line;
      const end = await line.over(signal);
      const openMs = readyAt === undefined ? 0 : clock.now() - readyAt;
      return { ...end, wasReady: readyAt !== undefined, openMs, drain };
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      return { ...DROPPED, reason, wasReady: false, openMs: 0, drain };
    } finally {
      this.#line = undefined;
    }
  }

  /** K2: why there is no next attempt, if there is none. */
  async #why(attempt: Attempt): Promise<EnginehouseError | undefined> {
    if (attempt.wasReady && attempt.code === CLOSE.unauthenticated && this.#deps.renews) return undefined;
    if (!mayReconnect(attempt.code)) return terminalError(attempt);
    // A socket that was refused before it opened says nothing of the reason.
    if (attempt.wasReady) return undefined;
    return orAborted(this.#deps.refusal(), this.#life.signal).catch(() => undefined);
  }

  #hello(): Hello {
    return { t: 'hello', v: 1, client: { name: 'enginehouse', ver: '1' }, subs: this.#deps.subscriptions() };
  }

  #move(state: ClientState): void {
    if (this.#state === state) return;
    this.#state = state;
    this.#deps.moved(state);
  }

  #end(error: EnginehouseError | undefined): void {
    this.#move('closed');
    this.#deps.over(error);
  }
}

function gaveUp(attempts: number, { reason }: SocketEnd): EnginehouseError {
  const said = reason === '' ? 'the connection was lost' : reason;
  return new EnginehouseError('DISCONNECTED', `the server could not be reached in ${attempts} attempts: ${said}`, {
    reason: said,
  });
}
