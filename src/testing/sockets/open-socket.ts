import type { Socket } from 'node:net';

import { portsOf, serverEnd } from './socket-ends.ts';
import { bytesUnderWay } from './under-way.ts';
import type { Wire } from './wire.ts';

/** One connection of a user, from before it is open until both of its ends are gone. */
export class OpenSocket {
  readonly wire: Wire;
  /** Resolves when its end here has closed. */
  readonly closed: Promise<void>;
  #opening = true;
  #ports: string | undefined;
  #server: Socket | undefined;

  constructor(wire: Wire) {
    this.wire = wire;
    this.closed = new Promise((resolve) => {
      wire.once('close', () => resolve());
    });
    // Its address is known only while it is connected.
    wire.once('connect', () => {
      this.#ports = portsOf(wire);
    });
  }

  /** The handshake is over, however it ended. */
  settled(): void {
    this.#opening = false;
  }

  /** What is under way on it; 1 at least while it opens. */
  get busy(): number {
    const server = this.#serverEnd;
    const bytes = server === undefined ? 0 : bytesUnderWay(this.wire, server);
    return this.#opening && !this.wire.held ? Math.max(1, bytes) : bytes;
  }

  get over(): boolean {
    return this.wire.destroyed && (this.#serverEnd?.destroyed ?? true);
  }

  get #serverEnd(): Socket | undefined {
    if (this.#server === undefined && this.#ports !== undefined) this.#server = serverEnd(this.#ports);
    return this.#server;
  }
}
