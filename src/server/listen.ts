/**
 * A server of our own on one address.
 *
 *   L1. Closing stops accepting, ends the event streams, lets requests under way
 *       end, and cuts every connection that is left when its time is over,
 *       sockets included. It always ends, and the port is free then.
 */

import { createServer, type Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';

import type { Clock } from '../base/clock.ts';
import { EnginehouseError } from '../base/errors.ts';
import type { ResourceRegistry } from '../base/resource-registry.ts';
import type { Doors } from './create-doors.ts';

export interface ListenOptions {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  readonly resources: ResourceRegistry;
  readonly clock: Clock;
  /** Milliseconds that connections get to end by themselves when the listener closes. @default 1_000 */
  readonly closeTimeoutMs?: number | undefined;
}

export interface HttpListener extends AsyncDisposable {
  /** For the bridge, which takes the upgrades. */
  readonly server: Server;
  readonly address: ListenAddress;
  /** Idempotent. Closes the doors too. */
  close(): Promise<void>;
}

export interface ListenAddress {
  readonly host: string;
  /** The port in use, also when 0 was asked for. */
  readonly port: number;
  /** Where a client on this machine finds it. */
  readonly url: string;
}

/**
 * Listens.
 *
 * @throws `AUTH_REQUIRED` when the address is not loopback and nothing authenticates, `PORT_IN_USE`,
 * `CONFIG_INVALID` when the host or the port cannot be listened on.
 */
export async function listen(doors: Doors, options: ListenOptions): Promise<HttpListener> {
  doors.checkHost(options.host);
  // A large upload may take as long as it makes progress; the body's reader sees to that.
  const server = createServer({ requestTimeout: 0 }, doors.answer);
  const connections = new Set<Socket>();
  server.on('connection', (socket) => {
    connections.add(socket);
    socket.once('close', () => connections.delete(socket));
  });
  let closing: Promise<void> | undefined;
  server.on('request', (_incoming, outgoing) => {
    // Node closes what is idle when closing begins; a connection whose answer ends later would stay.
    outgoing.once('close', () => {
      if (closing !== undefined) server.closeIdleConnections();
    });
  });
  const address = await bind(server, options);
  const closed = options.resources.opened('listener', address.url);
  const close = (): Promise<void> => (closing ??= stop({ server, doors, connections }, options).finally(closed));
  return { server, address, close, [Symbol.asyncDispose]: close };
}

function bind(server: Server, { host, port }: ListenOptions): Promise<ListenAddress> {
  return new Promise((resolve, reject) => {
    const refuse = (error: NodeJS.ErrnoException): void => reject(asListenError(error, host, port));
    server.once('error', refuse);
    try {
      server.listen({ host, port }, () => {
        server.off('error', refuse);
        resolve(addressOf(server.address(), host));
      });
    } catch (error) {
      refuse(error as NodeJS.ErrnoException);
    }
  });
}

function addressOf(bound: AddressInfo | string | null, host: string): ListenAddress {
  const port = typeof bound === 'object' && bound !== null ? bound.port : 0;
  const reachable = host === '0.0.0.0' || host === '::' ? 'localhost' : host;
  return { host, port, url: `http://${reachable.includes(':') ? `[${reachable}]` : reachable}:${port}` };
}

function asListenError(error: NodeJS.ErrnoException, host: string, port: number): EnginehouseError {
  if (error.code === 'EADDRINUSE')
    return new EnginehouseError('PORT_IN_USE', `${host}:${port} is in use`, { host, port }, { cause: error });
  const [option, received] =
    error.code === 'EACCES' || error.code === 'ERR_SOCKET_BAD_PORT' ? ['server.port', port] : ['server.host', host];
  return new EnginehouseError(
    'CONFIG_INVALID',
    `${option} ${received} cannot be listened on: ${error.message}`,
    { option, received },
    { cause: error },
  );
}

interface Listening {
  readonly server: Server;
  readonly doors: Doors;
  readonly connections: ReadonlySet<Socket>;
}

/** L1. */
function stop(
  { server, doors, connections }: Listening,
  { clock, closeTimeoutMs = 1_000 }: ListenOptions,
): Promise<void> {
  return new Promise((resolve) => {
    const disarm = clock.after(closeTimeoutMs, () => {
      for (const socket of connections) socket.destroy();
    });
    server.close(() => {
      disarm();
      resolve();
    });
    doors.close();
    server.closeIdleConnections();
    // Opened ahead of need by a browser or a pool: Node does not count these as idle.
    for (const socket of connections) if (socket.bytesRead === 0) socket.destroy();
  });
}
