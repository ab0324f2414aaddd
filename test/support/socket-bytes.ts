import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { Socket } from 'node:net';

import type { BusySource } from '../../src/testing/activity.ts';

/** Bytes on their way between the two ends of this process's connections to a port. Until both ends are known, what one wrote is on its way. */
export class SocketBytes implements BusySource, Disposable {
  readonly name = 'bytes on their way';
  readonly #port: number;
  readonly #near = new Set<Socket>();
  readonly #far = new Map<number, Socket>();
  readonly #seen = (message: unknown): void => this.#add((message as { readonly socket: Socket }).socket);

  constructor(port: number) {
    this.#port = port;
    subscribe('net.client.socket', this.#seen);
    subscribe('net.server.socket', this.#seen);
  }

  busy(): number {
    let bytes = 0;
    for (const near of this.#near) {
      const far = this.#far.get(near.localPort ?? 0);
      if (near.connecting || near.remotePort !== this.#port) continue;
      bytes += near.bytesWritten - (far?.bytesRead ?? 0) + (far?.bytesWritten ?? 0) - near.bytesRead;
    }
    return bytes;
  }

  [Symbol.dispose](): void {
    unsubscribe('net.client.socket', this.#seen);
    unsubscribe('net.server.socket', this.#seen);
  }

  #add(socket: Socket): void {
    const { localPort, remotePort = 0 } = socket;
    if (localPort === this.#port) {
      this.#far.set(remotePort, socket);
      socket.once('close', () => this.#far.delete(remotePort));
    } else {
      this.#near.add(socket);
      socket.once('close', () => this.#near.delete(socket));
    }
  }
}
