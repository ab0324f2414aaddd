import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

import { WebSocketServer, type WebSocket } from 'ws';

import { SUBPROTOCOL, type ClientFrame } from '../../src/context/wire.ts';

/** A peer that says what a test tells it to, true or not: how a client meets a server that is wrong. */
export class ScriptedServer implements AsyncDisposable {
  /** Every frame that came, over all connections. */
  readonly frames: ClientFrame[] = [];
  connections = 0;
  readonly #http = createServer((_request, response) => response.writeHead(404).end());
  readonly #sockets = new WebSocketServer({ server: this.#http, handleProtocols: () => SUBPROTOCOL });
  #socket: WebSocket | undefined;

  constructor(answer: (frame: ClientFrame, server: ScriptedServer) => void) {
    this.#sockets.on('connection', (socket) => {
      this.connections += 1;
      this.#socket = socket;
      socket.on('error', () => undefined);
      socket.on('message', (data: Buffer) => {
        const frame = JSON.parse(data.toString()) as ClientFrame;
        this.frames.push(frame);
        answer(frame, this);
      });
    });
  }

  static async open(answer: (frame: ClientFrame, server: ScriptedServer) => void): Promise<ScriptedServer> {
    const server = new ScriptedServer(answer);
    server.#http.listen(0, '127.0.0.1');
    await once(server.#http, 'listening');
    return server;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#http.address() as AddressInfo).port}`;
  }

  say(frame: object | string): void {
    this.#socket?.send(typeof frame === 'string' ? frame : JSON.stringify(frame));
  }

  ready(): void {
    const limits = { hb: 25_000, maxFrame: 65_536, rate: [50, 100], window: 262_144 };
    this.say({ t: 'ready', v: 1, sid: 's1', user: 'ada', streams: {}, ...limits });
  }

  close(code: number, reason = ''): void {
    this.#socket?.close(code, reason);
  }

  all<T extends ClientFrame['t']>(type: T): Extract<ClientFrame, { t: T }>[] {
    return this.frames.filter((frame): frame is Extract<ClientFrame, { t: T }> => frame.t === type);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets.clients) socket.terminate();
    this.#http.close();
    this.#http.closeAllConnections();
    await once(this.#http, 'close');
  }
}
