/**
 * One connection of one signed-in user, from the upgrade to the close.
 *
 *   waiting ──hello──▶ greeting ──ready──▶ open ──▶ closing ──▶ closed
 *      └────────────────────┴─────────────────────────▲
 *
 *   N1. The first frame in is `hello`, the first frame out that is not a refusal
 *       is `ready`. What arrives in between waits for it, in order.
 *   N2. The owner of every stream and command is the principal that the door
 *       signed in. No frame can name another one.
 *   N3. A peer's mistake is answered with an `err` frame and a close code; it
 *       never throws here. A wrong run id is answered and the connection lives.
 *   N4. Whatever comes in is limited: bytes of a frame, frames per second,
 *       subscriptions, commands under way.
 *   N5. Everything that the session opened is given back when its socket closes,
 *       and closing is bounded: a peer that does not answer is cut off.
 *
 * What it follows is `session-streams.ts`; what is sent, and when, `socket-pump.ts`.
 */

import type { RawData, WebSocket } from 'ws';

import type { Clock } from '../base/clock.ts';
import { EnginehouseError, isEnginehouseError, type ErrorJson } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { ResourceRegistry } from '../base/resource-registry.ts';
import { TokenBucket } from '../base/token-bucket.ts';
import type { Limits } from '../context/limits.ts';
import type { Principal } from '../context/principal.ts';
import { CLOSE, type ClientFrame, type ServerFrame } from '../context/wire.ts';
import type { LiveRuns } from './live-runs.ts';
import { frameInvalid, NO_COMMON_VERSION, parseFrame } from './parse-frame.ts';
import type { Pulse } from './pulse.ts';
import { SessionCommands } from './session-commands.ts';
import { SessionStreams } from './session-streams.ts';
import type { SocketDoor } from './socket-door.ts';
import type { SubscriptionCount } from './subscriptions.ts';
import { tellError } from './tell-error.ts';
import { Timers } from './timers.ts';

/** What all connections of one door share. */
export interface SessionDeps {
  readonly door: SocketDoor;
  readonly runs: LiveRuns;
  readonly pulse: Pulse;
  readonly clock: Clock;
  readonly limits: Limits;
  readonly resources: ResourceRegistry;
  readonly log: Log;
  /** Told once, when the socket is closed and everything is given back. */
  readonly closed: (session: SocketSession) => void;
}

export interface SessionIdentity {
  readonly id: string;
  readonly principal: Principal;
  readonly count: SubscriptionCount;
  /** The port at the client's end, where it is kept. */
  readonly peerPort: number | undefined;
}

type Hello = Extract<ClientFrame, { t: 'hello' }>;
type Ready = Extract<ServerFrame, { t: 'ready' }>;

/** Answers that a client lets pile up, in socket buffers, before it is cut off as slow. */
const ANSWER_BUFFERS = 4;
/** What a peer gets to answer the close frame. */
const CLOSE_MS = 1_000;
const PING_MISSES = 2;

export class SocketSession {
  readonly id: string;
  readonly principal: Principal;
  readonly #socket: WebSocket;
  readonly #deps: SessionDeps;
  readonly #count: SubscriptionCount;
  readonly #given: () => void;
  readonly #timers: Timers<'hello' | 'expiry' | 'close' | 'gather' | 'slow'>;
  readonly #bucket: TokenBucket;
  readonly #still: () => void;
  /** Made when they are first used: most connections of a server are idle, and there may be many. */
  #streams: SessionStreams | undefined;
  #commands: SessionCommands | undefined;
  #over: PromiseWithResolvers<void> | undefined;
  #greeted: Promise<void> | undefined;
  #state: 'greeting' | 'open' | 'closing' | 'closed' = 'greeting';
  #windowBytes: number;
  #missedPongs = 0;
  #sentBytes = 0;

  constructor(socket: WebSocket, { id, principal, count, peerPort }: SessionIdentity, deps: SessionDeps) {
    const { clock, limits, resources, pulse } = deps;
    this.id = id;
    this.principal = principal;
    this.#socket = socket;
    this.#deps = deps;
    this.#count = count;
    this.#given = resources.opened('socket', id, principal.userId, { peerPort });
    this.#timers = new Timers(clock, resources, principal.userId);
    this.#bucket = new TokenBucket(limits.framesPerSecond, limits.frameBurst, clock);
    this.#windowBytes = limits.windowBytes;
    this.#still = pulse.add(() => this.#beat());
  }

  /** Resolves when the socket is closed and everything is given back. Never rejects. */
  get over(): Promise<void> {
    this.#over ??= Promise.withResolvers<void>();
    if (this.#state === 'closed') this.#over.resolve();
    return this.#over.promise;
  }

  /** Begins to listen. Called once. */
  start(): void {
    const { helloTimeoutMs } = this.#deps.limits;
    this.#socket.on('message', (data, isBinary) => this.#received(data, isBinary));
    this.#socket.on('ping', () => this.#spend());
    this.#socket.on('pong', () => (this.#missedPongs = 0));
    // Broken, or refused by ws itself, which has said its own code by now: 1009 for an oversize frame.
    this.#socket.on('error', () => this.#close(CLOSE.goingAway, 'the connection failed'));
    this.#socket.on('close', () => this.#end());
    this.#timers.arm('hello', helloTimeoutMs, () => this.refuse(CLOSE.noHello, noHello(helloTimeoutMs)));
    this.#watchExpiry();
  }

  /** Says that the server goes away, sends what is known so far, and closes. Bounded by `deadlineMs`. */
  async drain(inMs: readonly [number, number], deadlineMs: number): Promise<void> {
    if (this.#state === 'open') this.#say({ t: 'drain', in: inMs, why: 'restart' });
    const disarm = this.#deps.clock.after(deadlineMs, () => this.#streams?.stop());
    await this.#streams?.flush();
    disarm();
    this.#close(CLOSE.restart, 'the server restarts');
    await this.over;
  }

  /** Says why and closes. The rest is bounded: a peer that does not answer is cut off. */
  refuse(code: number, thrown: unknown, what = 'a connection'): void {
    const err = this.#tell(thrown, what);
    this.#say({ t: 'err', err });
    this.#close(code, err.message);
  }

  get #isOver(): boolean {
    return this.#state === 'closing' || this.#state === 'closed';
  }

  #received(data: RawData, isBinary: boolean): void {
    if (this.#isOver || !this.#spend()) return;
    try {
      if (isBinary) throw frameInvalid('a frame is text, not binary');
      const frame = parseFrame(textOf(data));
      if (frame !== undefined) this.#take(frame);
    } catch (error) {
      this.refuse(closeCodeOf(error), error, 'an inbound frame');
    }
  }

  /** N4. False when the connection has had its share and is closed. */
  #spend(): boolean {
    if (this.#isOver) return false;
    if (this.#bucket.take()) return true;
    const max = this.#deps.limits.framesPerSecond;
    const message = `a connection may send ${max} frames per second`;
    this.refuse(CLOSE.limits, new EnginehouseError('LIMIT_REACHED', message, { limit: 'framesPerSecond', max }));
    return false;
  }

  /** N1 */
  #take(frame: ClientFrame): void {
    if (frame.t === 'hello') {
      if (this.#greeted !== undefined) throw frameInvalid('hello is said once');
      this.#greeted = this.#greet(frame);
    } else if (this.#greeted === undefined) throw frameInvalid('the first frame must be hello');
    else if (this.#state === 'open') this.#handle(frame);
    else void this.#greeted.then(() => this.#handle(frame));
  }

  #handle(frame: Exclude<ClientFrame, Hello>): void {
    if (this.#isOver) return;
    switch (frame.t) {
      case 'sub':
        return void this.#subscribe(frame);
      case 'unsub':
        return this.#streams?.leave(frame.s);
      case 'ack':
        return this.#streams?.acknowledged(frame.c);
      case 'cmd':
        return void this.#commandsNow().run(frame);
      case 'ping':
        return this.#say({ t: 'pong', n: frame.n });
    }
  }

  /** N1. Never rejects. */
  async #greet({ window = this.#windowBytes, subs = [] }: Hello): Promise<void> {
    this.#timers.clear('hello');
    this.#windowBytes = Math.min(window, this.#windowBytes);
    const streams = subs.length === 0 ? undefined : this.#streamsNow();
    const places = subs.map((sub) => ({ s: sub.s, from: 'from' in sub ? sub.from : sub }));
    const begun = await Promise.all(places.map(async ({ s, from }) => streams?.begin(s, from)));
    if (this.#isOver) return;
    const resumed: Record<string, Ready['streams'][string]> = {};
    for (const one of begun) {
      if (one === undefined || 'code' in one) continue;
      const { run, stream } = one.subscription;
      resumed[stream] = { epoch: run.epoch, head: run.head, resumed: one.resumed };
    }
    this.#say(this.#ready(resumed));
    this.#state = 'open';
    places.forEach(({ s }, index) => streams?.announce(s, begun[index]));
  }

  #ready(streams: Ready['streams']): Ready {
    const { pingMs, frameBytes, framesPerSecond, frameBurst } = this.#deps.limits;
    return {
      t: 'ready',
      v: 1,
      sid: this.id,
      hb: pingMs,
      maxFrame: frameBytes,
      rate: [framesPerSecond, frameBurst],
      window: this.#windowBytes,
      user: this.principal.userId,
      streams,
    };
  }

  async #subscribe({ s, from }: Extract<ClientFrame, { t: 'sub' }>): Promise<void> {
    const streams = this.#streamsNow();
    const begun = await streams.begin(s, from);
    if (!this.#isOver) streams.announce(s, begun);
  }

  #streamsNow(): SessionStreams {
    const { runs, clock, limits } = this.#deps;
    return (this.#streams ??= new SessionStreams({
      socket: this.#socket,
      owner: this.principal,
      runs,
      count: this.#count,
      windowBytes: this.#windowBytes,
      clock,
      limits,
      timers: this.#timers,
      say: (frame) => this.#say(frame),
      tell: (thrown, what) => this.#tell(thrown, what),
      refuse: (code, thrown, what) => this.refuse(code, thrown, what),
    }));
  }

  #commandsNow(): SessionCommands {
    return (this.#commands ??= new SessionCommands({
      door: this.#deps.door,
      principal: this.principal,
      say: (frame) => this.#say(frame),
      tell: (thrown, what) => this.#tell(thrown, what),
    }));
  }

  /** Pings, says that the connection lives when it was quiet, and cuts off a peer that is gone. */
  #beat(): void {
    if (this.#missedPongs >= PING_MISSES) return this.#socket.terminate();
    this.#missedPongs += 1;
    this.#socket.ping();
    const sentBytes = this.#streams?.sentBytes ?? 0;
    const quiet = sentBytes === this.#sentBytes;
    this.#sentBytes = sentBytes;
    if (quiet && this.#state === 'open') {
      this.#say({ t: 'hb', at: this.#deps.clock.now(), head: this.#streams?.heads() ?? {} });
    }
    this.#watchExpiry();
  }

  /** Until the last beat before a sign-in ends no timer is held for it. */
  #watchExpiry(): void {
    const { expiresAt } = this.principal;
    const { clock, limits } = this.#deps;
    if (expiresAt === undefined || expiresAt - clock.now() > 2 * limits.pingMs) return;
    const reason = 'the sign-in has ended';
    this.#timers.arm('expiry', expiresAt - clock.now(), () =>
      this.refuse(CLOSE.unauthenticated, new EnginehouseError('UNAUTHENTICATED', reason, { reason })),
    );
  }

  #say(frame: ServerFrame): void {
    if (this.#isOver) return;
    if (this.#socket.bufferedAmount > this.#deps.limits.socketBufferBytes * ANSWER_BUFFERS) {
      this.#close(CLOSE.slow, 'the client does not read its answers');
    } else this.#socket.send(JSON.stringify(frame), () => this.#streams?.resume());
  }

  #tell(thrown: unknown, what: string): ErrorJson {
    return tellError(thrown, this.#deps.log, { what, session: this.id, userId: this.principal.userId });
  }

  #close(code: number, reason: string): void {
    if (this.#isOver) return;
    this.#state = 'closing';
    this.#streams?.stop();
    this.#timers.arm('close', CLOSE_MS, () => this.#socket.terminate());
    // A close frame has room for 123 bytes of it.
    this.#socket.close(code, Buffer.from(reason).subarray(0, 120).toString());
  }

  /** N5 */
  #end(): void {
    this.#state = 'closed';
    this.#still();
    this.#timers[Symbol.dispose]();
    this.#streams?.[Symbol.dispose]();
    this.#given();
    this.#deps.closed(this);
    this.#over?.resolve();
  }
}

function noHello(timeoutMs: number): EnginehouseError {
  return new EnginehouseError('DEADLINE', `no hello came within ${timeoutMs} ms`, {
    what: 'the hello frame',
    timeoutMs,
  });
}

function closeCodeOf(error: unknown): number {
  if (!isEnginehouseError(error, 'FRAME_INVALID')) return CLOSE.internal;
  return error.details.reason === NO_COMMON_VERSION ? CLOSE.noCommonVersion : CLOSE.badFrame;
}

function textOf(data: RawData): string {
  if (data instanceof ArrayBuffer) return Buffer.from(data).toString();
  return Array.isArray(data) ? Buffer.concat(data).toString() : data.toString();
}
