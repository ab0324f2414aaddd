/**
 * All sockets that one user of a test opens: real ones, recorded, and with faults
 * that happen where a network has them.
 *
 *   U1. Faults are this user's own. `cut` and `halfOpen` strike the connections
 *       that are there; `slow` and `refuse` also those that follow, until `heal()`.
 *   U2. `busy()` is exact where the server is in the same process: it counts bytes
 *       that one end has written and the other has not taken. What waits for a
 *       fault, for the clock or for a reader that has stopped is not counted.
 *   U3. After `close()` no socket of the user is open.
 */

import type { Socket } from 'node:net';

import { WebSocket } from 'ws';

import { systemClock, type Clock } from '../../base/clock.ts';
import { withDeadline } from '../../base/deadline.ts';
import { EnginehouseError } from '../../base/errors.ts';
import type { OpenWebSocket } from '../../client/web-socket.ts';
import type { BusySource } from '../activity.ts';
import { OpenSocket } from './open-socket.ts';
import { FRAME_LIMITS, ReceivedFrames, type FrameLimits, type ReceivedFrame } from './received-frames.ts';
import { clientsOf, portsOf, serverEnd, watchSockets } from './socket-ends.ts';
import { SocketFaults } from './socket-faults.ts';
import { bytesUnderWay } from './under-way.ts';
import { Wire } from './wire.ts';

export interface UserSocketsOptions {
  /** Whose they are, for errors. */
  readonly name: string;
  /** By which frames are dated and slow connections are slow. @default systemClock */
  readonly clock?: Clock | undefined;
  /** How much of what is received is kept. @default 50,000 frames, 32 million characters */
  readonly frameLimits?: FrameLimits | undefined;
}

const CLOSE_MS = 2_000;

export class UserSockets implements BusySource, AsyncDisposable {
  readonly name: string;
  readonly faults: SocketFaults;
  readonly #clock: Clock;
  readonly #received: ReceivedFrames;
  readonly #sockets = new Set<OpenSocket>();
  /** Ports that were asked by `fetch`. */
  readonly #fetched = new Set<number>();
  #attempts = 0;
  #requests = 0;
  #unwatch: (() => void) | undefined;
  #closing: Promise<void> | undefined;

  constructor({ name, clock = systemClock, frameLimits = FRAME_LIMITS }: UserSocketsOptions) {
    this.name = `sockets of ${name}`;
    this.faults = new SocketFaults(name, () => this.#live());
    this.#clock = clock;
    this.#received = new ReceivedFrames(frameLimits);
  }

  /** Text frames that the user received, in their order, over all sockets. */
  get received(): readonly ReceivedFrame[] {
    return this.#received.kept;
  }

  /** How many came: more than `received` holds when that is truncated. */
  get receivedCount(): number {
    return this.#received.count;
  }

  get truncated(): boolean {
    return this.#received.truncated;
  }

  /** Sockets that the user has opened or tried to open. */
  get attempts(): number {
    return this.#attempts;
  }

  /** For `connect()`. @throws `CLOSED` after `close()`, `CONFIG_INVALID` for an address that is not `ws://` */
  readonly openWebSocket: OpenWebSocket = (url, protocols, headers) => {
    this.#use();
    const address = addressOf(url);
    this.#attempts += 1;
    const number = this.#attempts;
    let open: OpenSocket | undefined;
    const socket = new WebSocket(url, [...protocols], {
      headers: { ...headers },
      perMessageDeflate: false,
      createConnection: () => (open = this.#connect(address)).wire,
    });
    socket.once('open', () => open?.settled());
    socket.once('close', () => open?.settled());
    // Whoever listens hears it too; in a browser nobody has to.
    socket.on('error', () => undefined);
    socket.on('message', (data, isBinary) => {
      if (!isBinary && data instanceof Buffer) this.#record(data.toString(), number);
    });
    return socket;
  };

  /** The global `fetch`: counted in `busy()`, and refused as connections are. @throws `CLOSED` after `close()` */
  readonly fetch: typeof fetch = async (input, init) => {
    this.#use();
    const { host, port } = addressOf(input instanceof Request ? input.url : String(input));
    if (this.faults.refusing) throw new TypeError('fetch failed', { cause: refused(host, port) });
    this.#fetched.add(port);
    this.#requests += 1;
    try {
      return await fetch(input, init);
    } finally {
      this.#requests -= 1;
    }
  };

  /** U2: bytes that are under way, connections that are being opened, and requests without an answer. */
  busy(): number {
    let busy = this.#requests;
    this.#forgetClosed();
    for (const socket of this.#sockets) busy += socket.busy;
    for (const port of this.#fetched) for (const client of clientsOf(port)) busy += requestBytes(client);
    return busy;
  }

  /** U3. Idempotent. @throws `DEADLINE` */
  close(): Promise<void> {
    return (this.#closing ??= this.#close());
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    this.faults.disarm('before the end of the test');
    const closed = [...this.#sockets].map((socket) => socket.closed);
    for (const { wire } of this.#sockets) wire.destroy();
    try {
      await withDeadline(`closing the ${this.name}`, CLOSE_MS, systemClock, Promise.all(closed));
    } finally {
      this.#sockets.clear();
      this.#fetched.clear();
      this.#unwatch?.();
    }
  }

  /** @throws `CLOSED` */
  #use(): void {
    if (this.#closing !== undefined)
      throw new EnginehouseError('CLOSED', `the ${this.name} are closed`, { what: this.name });
    this.#unwatch ??= watchSockets();
  }

  #connect({ host, port }: Address): OpenSocket {
    if (this.faults.refusing) throw refused(host, port);
    this.#forgetClosed();
    const wire = new Wire({ clock: this.#clock, message: () => this.faults.frame() });
    const open = new OpenSocket(wire);
    this.#sockets.add(open);
    this.faults.begin(wire);
    wire.connect({ host, port });
    return open;
  }

  #record(text: string, socket: number): void {
    this.#received.add({ text, at: this.#clock.now(), socket });
  }

  #live(): readonly OpenSocket[] {
    return [...this.#sockets].filter(({ wire }) => !wire.destroyed);
  }

  #forgetClosed(): void {
    for (const socket of this.#sockets) if (socket.over) this.#sockets.delete(socket);
  }
}

interface Address {
  readonly host: string;
  readonly port: number;
}

/** @throws `CONFIG_INVALID` */
function addressOf(url: string): Address {
  const { protocol, hostname, port } = new URL(url);
  if (protocol !== 'ws:' && protocol !== 'http:') {
    const message = `the address of a test user's connection must begin with ws:// or http://, got ${url}`;
    throw new EnginehouseError('CONFIG_INVALID', message, { option: 'url', received: url });
  }
  return { host: hostname.replace(/^\[|\]$/g, ''), port: port === '' ? 80 : Number(port) };
}

/** What the system says of a port on which nobody listens. */
function refused(host: string, port: number): Error {
  const error = new Error(`connect ECONNREFUSED ${host}:${port}`);
  return Object.assign(error, { code: 'ECONNREFUSED', syscall: 'connect', address: host, port });
}

/** The pool of connections behind `fetch` is shared by all users of the process. */
function requestBytes(client: Socket): number {
  const server = serverEnd(portsOf(client));
  return server === undefined ? 0 : bytesUnderWay(client, server);
}
