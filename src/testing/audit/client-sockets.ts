/**
 * Where the sockets of this process were opened. A server knows of a connection
 * no more than the port at its other end; whoever forgot to close it is here.
 *
 *   O1. It listens while somebody watches, and keeps nothing when nobody does.
 *   O2. A socket is forgotten when it closes.
 *   O3. One per process, on `globalThis`: a runner may load this module twice.
 */

import { AsyncLocalStorage } from 'node:async_hooks';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { Socket } from 'node:net';

import { OPENING, type AroundOpening } from '../../client/as-opening.ts';
import { deepStack, originOf } from './origin.ts';

interface OpenSocket {
  readonly socket: Socket;
  readonly opening: Error;
  /** Where `connect()` of the client was called, when the socket is one of its. */
  readonly asked: Error | undefined;
}

interface Watch {
  watchers: number;
  readonly open: Set<OpenSocket>;
  readonly asking: AsyncLocalStorage<Error>;
  readonly opened: (message: unknown) => void;
}

const CHANNEL = 'net.client.socket';
const KEY: unique symbol = Symbol.for('enginehouse.testing.client-sockets');

const place = globalThis as { [KEY]?: Watch; [OPENING]?: AroundOpening | undefined };
const watch = (place[KEY] ??= createWatch());

/** Notes from now on who opens sockets, until what it returns is disposed. */
export function watchClientSockets(): Disposable {
  watch.watchers += 1;
  if (watch.watchers === 1) {
    subscribe(CHANNEL, watch.opened);
    place[OPENING] = (open) => watch.asking.run(deepStack(), open);
  }
  let watching = true;
  return {
    [Symbol.dispose]: () => {
      if (!watching) return;
      watching = false;
      watch.watchers -= 1;
      if (watch.watchers > 0) return;
      unsubscribe(CHANNEL, watch.opened);
      place[OPENING] = undefined;
      watch.open.clear();
    },
  };
}

/** Who opened the socket that has this port at its own end and `serverPort` at the other. */
export function clientOrigin(port: number, serverPort: number | undefined): string | undefined {
  for (const { socket, asked, opening } of watch.open) {
    if (socket.localPort !== port || (serverPort !== undefined && socket.remotePort !== serverPort)) continue;
    return originOf(asked?.stack) ?? originOf(opening.stack);
  }
  return undefined;
}

function createWatch(): Watch {
  const open = new Set<OpenSocket>();
  const asking = new AsyncLocalStorage<Error>();
  const opened = (message: unknown): void => {
    const socket = socketOf(message);
    if (socket === undefined) return;
    const known: OpenSocket = { socket, opening: deepStack(), asked: asking.getStore() };
    open.add(known);
    socket.once('close', () => open.delete(known));
  };
  return { watchers: 0, open, asking, opened };
}

function socketOf(message: unknown): Socket | undefined {
  if (typeof message !== 'object' || message === null || !('socket' in message)) return undefined;
  return message.socket instanceof Socket ? message.socket : undefined;
}
