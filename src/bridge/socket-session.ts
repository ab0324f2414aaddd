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
 * What is sent, and when, is `socket-pump.ts`.
 */

import type { RawData, WebSocket } from 'ws';

import type { Clock } from '../base/clock.ts';
import { asEnginehouseError, EnginehouseError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { ResourceRegistry } from '../base/resource-registry.ts';
import { TokenBucket } from '../base/token-bucket.ts';
import type { Limits } from '../context/limits.ts';
import type { Principal } from '../context/principal.ts';
import { CLOSE, type ClientFrame, type ServerFrame, type SubscribeFrom } from '../context/wire.ts';
import type { LiveRuns } from './live-runs.ts';
import { frameInvalid, NO_COMMON_VERSION, parseFrame } from './parse-frame.ts';
import { SendWindow } from './send-window.ts';
import type { SocketDoor } from './socket-door.ts';
import { SocketPump } from './socket-pump.ts';
import { Subscriptions, type Begun, type SubscriptionCount } from './subscriptions.ts';
import { Timers } from './timers.ts';

export interface SessionDeps {
  readonly door: SocketDoor;
  readonly runs: LiveRuns;
  readonly count: SubscriptionCount;
  readonly clock: Clock;
  readonly limits: Limits;
  readonly resources: ResourceRegistry;
  readonly log: Log;
  /** Told once, when the socket is closed and everything is given back. */
  readonly closed: () => void;
}

type Hello = Extract<ClientFrame, { t: 'hello' }>;
type Command = Extract<ClientFrame, { t: 'cmd' }>;

const COMMANDS_AT_ONCE = 32;
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
  readonly #given: () => void;
  readonly #timers: Timers<'hello' | 'expiry' | 'ping' | 'close' | 'gather' | 'slow'>;
  readonly #bucket: TokenBucket;
  readonly #window: SendWindow;
  readonly #subscriptions: Subscriptions;
  readonly #pump: SocketPump;
  readonly #over = Promise.withResolvers<void>();
  #greeted: Promise<void> | undefined;
  #open = false;
  #closing = false;
  #commands = 0;
  #missedPongs = 0;
  #quiet = true;

  constructor(socket: WebSocket, identity: { readonly id: string; readonly principal: Principal }, deps: SessionDeps) {
    const { clock, limits, resources, runs, count } = deps;
    this.id = identity.id;
    this.principal = identity.principal;
    this.#socket = socket;
    this.#deps = deps;
    this.#given = resources.opened('socket', identity.id, identity.principal.userId);
    this.#timers = new Timers(clock, resources, identity.principal.userId);
    this.#bucket = new TokenBucket(limits.framesPerSecond, limits.frameBurst, clock);
    this.#window = new SendWindow(limits.windowBytes);
    this.#subscriptions = new Subscriptions({
      owner: identity.principal,
      runs,
      count,
      max: limits.subscriptionsPerUser,
      due: (subscription) => this.#pump.offer(subscription),
    });
    this.#pump = this.#makePump();
  }

  get subscriptions(): number {
    return this.#subscriptions.size;
  }

  /** Resolves when the socket is closed and everything is given back. Never rejects. */
  get over(): Promise<void> {
    return this.#over.promise;
  }

  /** Begins to listen. Called once. */
  start(): void {
    const { limits } = this.#deps;
    this.#socket.on('message', (data, isBinary) => this.#received(data, isBinary));
    this.#socket.on('ping', () => this.#spend());
    this.#socket.on('pong', () => (this.#missedPongs = 0));
    // A broken connection, or one that ws itself refused (an oversize frame is 1009), closes next.
    this.#socket.on('error', () => undefined);
    this.#socket.on('close', () => this.#closed());
    this.#timers.arm('hello', limits.helloTimeoutMs, () => {
      const what = 'the hello frame';
      const message = `no hello came within ${limits.helloTimeoutMs} ms`;
      this.#refuse(
        CLOSE.noHello,
        new EnginehouseError('DEADLINE', message, { what, timeoutMs: limits.helloTimeoutMs }),
      );
    });
    this.#timers.arm('ping', limits.pingMs, () => this.#beat());
    this.#watchExpiry();
  }

  /** Says that the server goes away, sends what is known so far, and closes. Bounded by `deadlineMs`. */
  async drain(inMs: readonly [number, number], deadlineMs: number): Promise<void> {
    if (this.#open) this.#say({ t: 'drain', in: inMs, why: 'restart' });
    const disarm = this.#deps.clock.after(deadlineMs, () => this.#pump.stop());
    await this.#pump.flush();
    disarm();
    this.#close(CLOSE.restart, 'the server restarts');
    await this.over;
  }

  /** Says why and closes. The rest is bounded: a peer that does not answer is cut off. */
  refuse(code: number, error: EnginehouseError): void {
    this.#refuse(code, error);
  }

  #makePump(): SocketPump {
    const { clock, limits } = this.#deps;
    const socket = this.#socket;
    return new SocketPump({
      outlet: {
        get bufferedAmount() {
          return socket.bufferedAmount;
        },
        send: (bytes, sent) => {
          this.#quiet = false;
          socket.send(bytes, { binary: false }, sent);
        },
        say: (frame) => this.#say(frame),
      },
      window: this.#window,
      clock,
      timers: this.#timers,
      limits,
      ended: ({ stream, run }, found) => {
        this.#subscriptions.leave(stream);
        if (found) return;
        const error = new EnginehouseError('NOT_FOUND', `run ${run.runId} was deleted`, { what: 'run', id: run.runId });
        this.#say({ t: 'err', s: stream, err: error.toJSON() });
      },
      slow: () => {
        const what = 'the client';
        const message = `the client took nothing for ${limits.slowClientMs} ms`;
        this.#refuse(CLOSE.slow, new EnginehouseError('DEADLINE', message, { what, timeoutMs: limits.slowClientMs }));
      },
      failed: (error) => this.#failed('sending events', error),
    });
  }

  #received(data: RawData, isBinary: boolean): void {
    if (this.#closing || !this.#spend()) return;
    try {
      if (isBinary) throw frameInvalid('a frame is text, not binary');
      const frame = parseFrame(textOf(data));
      if (frame !== undefined) this.#take(frame);
    } catch (error) {
      const known = asEnginehouseError(error, 'INTERNAL');
      const versions = known.message === NO_COMMON_VERSION;
      this.#refuse(
        versions ? CLOSE.noCommonVersion : known.code === 'FRAME_INVALID' ? CLOSE.badFrame : CLOSE.internal,
        known,
      );
    }
  }

  /** N4. False when the connection has had its share and is closed. */
  #spend(): boolean {
    if (this.#closing) return false;
    if (this.#bucket.take()) return true;
    const max = this.#deps.limits.framesPerSecond;
    const message = `a connection may send ${max} frames per second`;
    this.#refuse(CLOSE.limits, new EnginehouseError('LIMIT_REACHED', message, { limit: 'framesPerSecond', max }));
    return false;
  }

  #take(frame: ClientFrame): void {
    if (frame.t === 'hello') {
      if (this.#greeted !== undefined) throw frameInvalid('hello is said once');
      this.#greeted = this.#greet(frame);
    } else if (this.#greeted === undefined) throw frameInvalid('the first frame must be hello');
    else if (this.#open) this.#handle(frame);
    else void this.#greeted.then(() => this.#handle(frame));
  }

  #handle(frame: Exclude<ClientFrame, Hello>): void {
    if (this.#closing) return;
    switch (frame.t) {
      case 'sub':
        void this.#subscribe(frame.s, frame.from);
        break;
      case 'unsub':
        this.#window.forget(frame.s);
        this.#subscriptions.leave(frame.s);
        this.#pump.resume();
        break;
      case 'ack':
        for (const [stream, seq] of Object.entries(frame.c)) this.#window.acknowledged(stream, seq);
        this.#pump.resume();
        break;
      case 'cmd':
        void this.#command(frame);
        break;
      case 'ping':
        this.#say({ t: 'pong', n: frame.n });
    }
  }

  /** N1. Never rejects. */
  async #greet(hello: Hello): Promise<void> {
    const { limits } = this.#deps;
    this.#timers.clear('hello');
    if (hello.window !== undefined) this.#window.narrow(hello.window);
    const subs = hello.subs ?? [];
    const begun = await Promise.all(subs.map((sub) => this.#begin(sub.s, 'from' in sub ? sub.from : sub)));
    if (this.#closing) return;
    const streams: Record<string, { epoch: string; head: number; resumed: boolean }> = {};
    for (const one of begun) {
      if (one === undefined || one instanceof EnginehouseError) continue;
      const { run, stream } = one.subscription;
      streams[stream] = { epoch: run.epoch, head: run.head, resumed: one.resumed };
    }
    this.#say({
      t: 'ready',
      v: 1,
      sid: this.id,
      hb: limits.pingMs,
      maxFrame: limits.frameBytes,
      rate: [limits.framesPerSecond, limits.frameBurst],
      window: this.#window.limitBytes,
      user: this.principal.userId,
      streams,
    });
    this.#open = true;
    subs.forEach(({ s }, index) => this.#announce(s, begun[index]));
  }

  async #subscribe(stream: string, from: SubscribeFrom): Promise<void> {
    this.#announce(stream, await this.#begin(stream, from));
  }

  #begin(stream: string, from: SubscribeFrom): Promise<Begun | EnginehouseError | undefined> {
    this.#window.forget(stream);
    return this.#subscriptions.begin(stream, from).catch((error: unknown) => this.#known('subscribing', error));
  }

  /** Says how a subscription began, then lets its events flow. */
  #announce(stream: string, begun: Begun | EnginehouseError | undefined): void {
    if (begun === undefined || this.#closing) return;
    if (begun instanceof EnginehouseError) {
      this.#say({ t: 'err', s: stream, err: begun.toJSON() });
      return;
    }
    const { subscription, resumed } = begun;
    if (!resumed) this.#say({ t: 'gap', s: stream, e: subscription.run.epoch, oldest: 1, why: 'epoch' });
    this.#subscriptions.open(subscription);
  }

  async #command(command: Command): Promise<void> {
    const { id } = command;
    if (this.#commands >= COMMANDS_AT_ONCE) {
      const message = `a connection has at most ${COMMANDS_AT_ONCE} commands under way`;
      const error = new EnginehouseError('LIMIT_REACHED', message, { limit: 'commands', max: COMMANDS_AT_ONCE });
      this.#say({ t: 'res', id, ok: false, err: error.toJSON() });
      return;
    }
    this.#commands += 1;
    try {
      this.#say({ t: 'res', id, ok: true, at: await this.#deps.door.command(this.principal, command) });
    } catch (error) {
      this.#say({ t: 'res', id, ok: false, err: this.#known(command.op, error).toJSON() });
    } finally {
      this.#commands -= 1;
    }
  }

  /** Pings, says that the connection lives when it was quiet, and cuts off a peer that is gone. */
  #beat(): void {
    const { clock, limits } = this.#deps;
    if (this.#missedPongs >= PING_MISSES) {
      this.#socket.terminate();
      return;
    }
    this.#missedPongs += 1;
    this.#socket.ping();
    if (this.#open && this.#quiet) this.#say({ t: 'hb', at: clock.now(), head: this.#subscriptions.heads() });
    this.#quiet = true;
    this.#timers.arm('ping', limits.pingMs, () => this.#beat());
  }

  #watchExpiry(): void {
    const { expiresAt } = this.principal;
    if (expiresAt === undefined) return;
    this.#timers.arm('expiry', expiresAt - this.#deps.clock.now(), () => {
      const reason = 'the sign-in has ended';
      this.#refuse(CLOSE.unauthenticated, new EnginehouseError('UNAUTHENTICATED', reason, { reason }));
    });
  }

  #say(frame: ServerFrame): void {
    if (this.#closing) return;
    const limit = this.#deps.limits.socketBufferBytes * ANSWER_BUFFERS;
    if (this.#socket.bufferedAmount > limit) {
      this.#close(CLOSE.slow, 'the client does not read its answers');
      return;
    }
    this.#socket.send(JSON.stringify(frame), () => this.#pump.resume());
  }

  /** A failure that is answered; one that is ours is also told to the operator. */
  #known(what: string, error: unknown): EnginehouseError {
    const known = asEnginehouseError(error, 'INTERNAL');
    if (known.status >= 500) {
      const { message, ref } = known;
      this.#deps.log('error', `${what} failed: ${message}`, { ref, code: known.code, userId: this.principal.userId });
    }
    return known;
  }

  #failed(what: string, error: unknown): void {
    this.#refuse(CLOSE.internal, this.#known(what, error));
  }

  #refuse(code: number, error: EnginehouseError): void {
    this.#say({ t: 'err', err: error.toJSON() });
    this.#close(code, error.message);
  }

  #close(code: number, reason: string): void {
    if (this.#closing) return;
    this.#closing = true;
    this.#pump.stop();
    this.#timers.arm('close', CLOSE_MS, () => this.#socket.terminate());
    this.#socket.close(code, Buffer.from(reason).subarray(0, 120).toString());
  }

  /** N5 */
  #closed(): void {
    this.#closing = true;
    this.#open = false;
    this.#pump.stop();
    this.#timers[Symbol.dispose]();
    this.#subscriptions[Symbol.dispose]();
    this.#given();
    this.#deps.closed();
    this.#over.resolve();
  }
}

function textOf(data: RawData): string {
  if (data instanceof ArrayBuffer) return Buffer.from(data).toString();
  return Array.isArray(data) ? Buffer.concat(data).toString() : data.toString();
}
