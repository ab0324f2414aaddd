import type { Clock, Disarm } from '../base/clock.ts';
import type { ErrorJson } from '../base/errors.ts';
import { CLOSE, type ClientFrame, type ServerFrame } from '../context/wire.ts';
import { Acknowledgements } from './acknowledgements.ts';
import type { SocketEnd } from './closed-with.ts';
import { Outbox } from './outbox.ts';
import type { WebSocketLike } from './web-socket.ts';

/** From the opening of a socket to its `ready`. */
export const READY_MS = 15_000;
const PROBE_MS = 5_000;
const CLOSE_MS = 1_000;

export const DROPPED: SocketEnd = { code: 1006, reason: 'the connection was dropped', error: undefined };

type Ready = Extract<ServerFrame, { t: 'ready' }>;

interface SocketLineDeps {
  readonly opened: () => void;
  readonly received: (frame: ServerFrame, bytes: number) => void;
}

/**
 * One socket with what belongs to it: its outbox, its acknowledgements, and the
 * watch over whether it still lives. It ends once, whoever ends it, and nothing
 * comes out of it after.
 */
export class SocketLine {
  readonly #outbox: Outbox;
  acknowledgements: Acknowledgements | undefined;
  readonly #socket: WebSocketLike;
  readonly #clock: Clock;
  readonly #deps: SocketLineDeps;
  readonly #over = Promise.withResolvers<SocketEnd>();
  #error: ErrorJson | undefined;
  #opened = false;
  #disarm: Disarm;
  #heardAt: number;
  #ended = false;

  constructor(socket: WebSocketLike, clock: Clock, deps: SocketLineDeps) {
    this.#socket = socket;
    this.#clock = clock;
    this.#deps = deps;
    this.#outbox = new Outbox((text) => socket.send(text), clock);
    this.#heardAt = clock.now();
    this.#disarm = clock.after(READY_MS, () => this.end(DROPPED));
    socket.addEventListener('open', () => this.#open());
    socket.addEventListener('message', ({ data }) => this.#heard(data));
    socket.addEventListener('error', () => undefined);
    socket.addEventListener('close', ({ code, reason }) => this.#finish({ code, reason, error: this.#error }));
  }

  /** Says a frame. What is said before the socket is open is dropped: the hello says where everything stands. */
  say(text: string): void {
    if (this.#opened) this.#outbox.push(text);
  }

  /** Resolves when it has ended. When the signal aborts, it is closed first. */
  async over(signal: AbortSignal): Promise<SocketEnd> {
    const leave = (): void => {
      this.#disarm();
      this.#disarm = this.#clock.after(CLOSE_MS, () => this.#finish(DROPPED));
      this.#outbox[Symbol.dispose]();
      this.#socket.close(CLOSE.done);
    };
    signal.addEventListener('abort', leave, { once: true });
    if (signal.aborted) leave();
    try {
      return await this.#over.promise;
    } finally {
      signal.removeEventListener('abort', leave);
    }
  }

  /** Ends it from here. The socket may notice later or never. */
  end(end: SocketEnd): void {
    this.#finish(end);
    this.#socket.close();
  }

  #open(): void {
    if (this.#ended) return;
    this.#opened = true;
    this.#deps.opened();
  }

  #heard(data: unknown): void {
    if (this.#ended) return;
    this.#heardAt = this.#clock.now();
    try {
      this.#take(parse(data), String(data).length);
    } catch (error) {
      // Not JSON, or not of the shape that its type says: what comes next cannot be trusted either.
      this.end({ ...DROPPED, reason: `the server sent what is no frame: ${String(error)}` });
    }
  }

  #take(frame: ServerFrame, length: number): void {
    if (frame.t === 'err' && frame.s === undefined) this.#error = frame.err;
    if (frame.t === 'ready') this.#greeted(frame);
    this.#deps.received(frame, length);
  }

  #greeted({ rate, window, hb }: Ready): void {
    const say = (frame: ClientFrame): void => this.say(JSON.stringify(frame));
    if (rate !== undefined) this.#outbox.pace(rate);
    this.acknowledgements = new Acknowledgements((c) => say({ t: 'ack', c }), window, this.#clock);
    this.#disarm();
    this.#watch(hb, say);
  }

  /** K3 */
  #watch(hb: number, say: (frame: ClientFrame) => void): void {
    this.#disarm = this.#clock.after(hb, () => {
      if (this.#clock.now() - this.#heardAt < 2 * hb) return this.#watch(hb, say);
      const askedAt = this.#clock.now();
      say({ t: 'ping', n: askedAt });
      this.#disarm = this.#clock.after(PROBE_MS, () => {
        if (this.#heardAt >= askedAt) this.#watch(hb, say);
        else this.end(DROPPED);
      });
    });
  }

  #finish(end: SocketEnd): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#disarm();
    this.#outbox[Symbol.dispose]();
    this.acknowledgements?.[Symbol.dispose]();
    this.#over.resolve(end);
  }
}

function parse(data: unknown): ServerFrame {
  const frame: unknown = typeof data === 'string' ? JSON.parse(data) : undefined;
  if (typeof frame !== 'object' || frame === null || !('t' in frame)) throw new TypeError('no object with a type');
  // A parse boundary: the server speaks the protocol; a type that nobody here knows is ignored.
  return frame as ServerFrame;
}
