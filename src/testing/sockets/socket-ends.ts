/**
 * Finds the other end of a connection inside one process, so that what is under
 * way between the two can be counted from both: a runtime under test and its
 * users are mostly in the same process.
 *
 *   E1. Node tells of every socket itself (`diagnostics_channel`), so nothing is
 *       put into the server, and nobody listens while nobody asks.
 *   E2. It keeps nothing alive: sockets are held weakly and go when they close.
 *   E3. One per process, on `globalThis`, because a runner may load this module
 *       more than once.
 */

import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { Socket } from 'node:net';

interface SocketEnds {
  watchers: number;
  /** By the ports of the connection: the server's, then the client's. */
  readonly servers: Map<string, WeakRef<Socket>>;
  /** Made by `net.connect()`: those of `fetch`, and others. */
  readonly clients: Set<WeakRef<Socket>>;
  readonly accepted: (message: unknown) => void;
  readonly connecting: (message: unknown) => void;
}

const KEY: unique symbol = Symbol.for('enginehouse.testing.socket-ends');
const ACCEPTED = 'net.server.socket';
const CONNECTING = 'net.client.socket';

const place = globalThis as { [KEY]?: SocketEnds };
const ends = (place[KEY] ??= createEnds());

/** Knows of every socket that is opened from now on, until the returned function is called. */
export function watchSockets(): () => void {
  ends.watchers += 1;
  if (ends.watchers === 1) {
    subscribe(ACCEPTED, ends.accepted);
    subscribe(CONNECTING, ends.connecting);
  }
  let watching = true;
  return () => {
    if (!watching) return;
    watching = false;
    ends.watchers -= 1;
    if (ends.watchers === 0) stop();
  };
}

/** The ports that name a connected socket's connection, for `serverEnd`. */
export function portsOf({ remotePort, localPort }: Socket): string {
  return `${remotePort}:${localPort}`;
}

/** The accepted socket of that connection, if it is in this process. */
export function serverEnd(ports: string): Socket | undefined {
  return ends.servers.get(ports)?.deref();
}

/** Sockets of this process that are connected to the port, other than those of a `UserSockets`. */
export function clientsOf(port: number): readonly Socket[] {
  return [...ends.clients].flatMap((held) => {
    const socket = held.deref();
    return socket?.remotePort === port ? [socket] : [];
  });
}

function createEnds(): SocketEnds {
  const servers: SocketEnds['servers'] = new Map();
  const clients: SocketEnds['clients'] = new Set();
  return {
    watchers: 0,
    servers,
    clients,
    accepted: (message) => {
      const { socket } = toldOf(message);
      const ports = `${socket.localPort}:${socket.remotePort}`;
      const held = new WeakRef(socket);
      servers.set(ports, held);
      socket.once('close', () => {
        if (servers.get(ports) === held) servers.delete(ports);
      });
    },
    connecting: (message) => {
      const { socket } = toldOf(message);
      const held = new WeakRef(socket);
      clients.add(held);
      socket.once('close', () => clients.delete(held));
    },
  };
}

/** What Node documents for both channels. */
function toldOf(message: unknown): { readonly socket: Socket } {
  return message as { readonly socket: Socket };
}

function stop(): void {
  unsubscribe(ACCEPTED, ends.accepted);
  unsubscribe(CONNECTING, ends.connecting);
  ends.servers.clear();
  ends.clients.clear();
}
