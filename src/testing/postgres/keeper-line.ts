import { connect, type Socket } from 'node:net';

import { isRecord } from '../../base/is-record.ts';
import { type FromKeeper, hear, tell, type ToKeeper } from './keeper-language.ts';

/** Nobody listens there now: no such socket, one that a killed keeper left, or one with too many in line. */
const NOBODY = new Set<unknown>(['ENOENT', 'ECONNREFUSED', 'ECONNRESET', 'EAGAIN']);

/**
 * One connection to a keeper. It does not hold this process open.
 */
export class KeeperLine {
  /** Resolves when the connection is closed, by whichever side. */
  readonly closed: Promise<void>;
  readonly #socket: Socket;

  /** Resolves with `undefined` when no keeper listens there. */
  static open(address: string): Promise<KeeperLine | undefined> {
    return new Promise((resolve, reject) => {
      const socket = connect(address);
      socket.unref();
      socket.once('connect', () => resolve(new KeeperLine(socket)));
      socket.on('error', (error) => {
        if (isRecord(error) && NOBODY.has(error['code'])) resolve(undefined);
        else reject(error);
      });
    });
  }

  private constructor(socket: Socket) {
    this.#socket = socket;
    this.closed = new Promise((resolve) => socket.once('close', () => resolve()));
  }

  /** Says the one thing that this connection is for; resolves with the answer, or `undefined` when it closes without one. */
  async ask(message: ToKeeper): Promise<FromKeeper | undefined> {
    const answer = hear(this.#socket);
    tell(this.#socket, message);
    const line = await answer;
    // The parse boundary: only a keeper of this user and version listens there.
    return line === undefined ? undefined : (JSON.parse(line) as FromKeeper);
  }

  /** Lets go, and resolves when the connection is closed. */
  async close(): Promise<void> {
    this.#socket.destroy();
    await this.closed;
  }
}
