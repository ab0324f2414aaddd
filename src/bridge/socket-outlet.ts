import type { WebSocket } from 'ws';

import type { ServerFrame } from '../context/wire.ts';
import type { Outlet } from './socket-pump.ts';

/** A WebSocket as the pump sees it. */
export class SocketOutlet implements Outlet {
  readonly say: (frame: ServerFrame) => void;
  readonly #socket: WebSocket;

  constructor(socket: WebSocket, say: (frame: ServerFrame) => void) {
    this.#socket = socket;
    this.say = say;
  }

  get bufferedAmount(): number {
    return this.#socket.bufferedAmount;
  }

  send(bytes: Buffer, sent: () => void): void {
    this.#socket.send(bytes, { binary: false }, sent);
  }
}
