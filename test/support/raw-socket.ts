import { once } from 'node:events';

import { WebSocket } from 'ws';

import { unpackEvent } from '../../src/context/event-tuple.ts';
import type { AgentEvent } from '../../src/context/event.ts';
import { SUBPROTOCOL, type ServerFrame } from '../../src/context/wire.ts';

type FrameOf<T extends ServerFrame['t']> = Extract<ServerFrame, { t: T }>;

/** A socket as bare as it can be: it keeps every frame and answers nothing by itself. */
export class RawSocket implements AsyncDisposable {
  readonly socket: WebSocket;
  readonly frames: ServerFrame[] = [];
  readonly closed: Promise<{ readonly code: number; readonly reason: string }>;
  readonly #waiting = new Set<() => void>();

  constructor(socket: WebSocket) {
    this.socket = socket;
    socket.on('message', (data: Buffer) => {
      this.frames.push(JSON.parse(data.toString()) as ServerFrame);
      for (const look of this.#waiting) look();
    });
    socket.on('error', () => undefined);
    this.closed = new Promise((resolve) => {
      socket.on('close', (code, reason) => resolve({ code, reason: reason.toString() }));
    });
  }

  /** Connects, and says hello unless told otherwise. */
  static async open(
    url: string,
    options: { token?: string; protocol?: string | undefined; hello?: object | false; autoPong?: boolean } = {},
  ): Promise<RawSocket> {
    const { token = 'ada', hello = {} } = options;
    const protocols = 'protocol' in options ? (options.protocol ?? []) : SUBPROTOCOL;
    const socket = new WebSocket(url, protocols, {
      headers: { authorization: `Bearer ${token}` },
      perMessageDeflate: false,
      autoPong: options.autoPong ?? true,
    });
    const raw = new RawSocket(socket);
    await once(socket, 'open');
    if (hello !== false) {
      raw.send({ t: 'hello', v: 1, ...hello });
      await raw.first('ready');
    }
    return raw;
  }

  send(frame: object | string): void {
    this.socket.send(typeof frame === 'string' ? frame : JSON.stringify(frame));
  }

  /** Waits until the frames satisfy `found`, five seconds at most. */
  async until<T>(what: string, found: (frames: readonly ServerFrame[]) => T | undefined): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const look = (): void => {
      const value = found(this.frames);
      if (value !== undefined) resolve(value);
    };
    const late = (): void =>
      reject(new Error(`${what} did not come; came: ${JSON.stringify(this.frames).slice(0, 2_000)}`));
    const timer = setTimeout(late, 5_000);
    this.#waiting.add(look);
    look();
    try {
      return await promise;
    } finally {
      clearTimeout(timer);
      this.#waiting.delete(look);
    }
  }

  first<T extends ServerFrame['t']>(type: T): Promise<FrameOf<T>> {
    return this.until(type, () => this.all(type)[0]);
  }

  all<T extends ServerFrame['t']>(type: T): FrameOf<T>[] {
    return this.frames.filter((frame): frame is FrameOf<T> => frame.t === type);
  }

  /** The seqs of every event that came for a stream, in the order they came. */
  seqs(stream: string): number[] {
    return this.events(stream).map(({ seq }) => seq);
  }

  events(stream: string): AgentEvent[] {
    return this.all('ev')
      .filter(({ s }) => s === stream)
      .flatMap(({ from, at, ev }) => ev.map((tuple, index) => unpackEvent(tuple, from + index, at)));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.socket.terminate();
    await this.closed;
  }
}
