import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';

import { WebSocketServer, type WebSocket } from 'ws';

/** A server of plain WebSockets, with both ends of every connection in the test's hands. */
export class PlainServer implements AsyncDisposable {
  readonly url: string;
  /** The TCP connections that it accepted. */
  readonly accepted: readonly Socket[];
  /** Those that became WebSockets. */
  readonly sockets: readonly WebSocket[];
  readonly #http: Server;

  private constructor(http: Server, accepted: readonly Socket[], sockets: readonly WebSocket[]) {
    this.#http = http;
    this.accepted = accepted;
    this.sockets = sockets;
    const { port } = http.address() as AddressInfo;
    this.url = `http://127.0.0.1:${port}`;
  }

  static async open(answer: RequestListener = (_incoming, outgoing) => outgoing.end()): Promise<PlainServer> {
    const http = createServer(answer);
    const accepted: Socket[] = [];
    const sockets: WebSocket[] = [];
    http.on('connection', (socket) => accepted.push(socket));
    new WebSocketServer({ server: http, perMessageDeflate: false }).on('connection', (socket) => {
      socket.on('error', () => undefined);
      sockets.push(socket);
    });
    await once(http.listen(0, '127.0.0.1'), 'listening');
    return new PlainServer(http, accepted, sockets);
  }

  /** Answers every upgrade from now on with 401. */
  refuseUpgrades(): void {
    this.#http.removeAllListeners('upgrade');
    this.#http.on('upgrade', (_incoming, socket) =>
      socket.end('HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n'),
    );
  }

  /** The newest one. */
  get socket(): WebSocket {
    const newest = this.sockets.at(-1);
    if (newest === undefined) throw new Error('nobody is connected');
    return newest;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.accepted) socket.destroy();
    await new Promise((resolve) => this.#http.close(resolve));
  }
}
