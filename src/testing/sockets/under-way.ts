import type { Socket } from 'node:net';

import { Wire } from './wire.ts';

/**
 * How many bytes one end of a connection has written and the other has not taken
 * yet, both ways, as far as they can move by themselves: what an end does not
 * read, or a fault holds back, waits for somebody and is not counted. That an end
 * has closed is on its way too, and counts as one.
 */
export function bytesUnderWay(one: Socket, other: Socket): number {
  return arriving(one, other) + arriving(other, one);
}

function arriving(from: Socket, to: Socket): number {
  if (to.destroyed || !takes(to)) return 0;
  if (from.destroyed) return to.readableEnded ? 0 : 1;
  const bytes = Math.max(0, sentBytes(from) - takenBytes(to));
  return from.writableFinished && !to.readableEnded ? bytes + 1 : bytes;
}

function sentBytes(socket: Socket): number {
  return socket instanceof Wire ? socket.sentBytes : socket.bytesWritten;
}

function takenBytes(socket: Socket): number {
  return socket instanceof Wire ? socket.takenBytes : socket.bytesRead - socket.readableLength;
}

function takes(socket: Socket): boolean {
  if (socket instanceof Wire) return socket.takes;
  // Who reads on 'readable', as `fetch` does, leaves in the socket what it has no room for.
  if (socket.listenerCount('readable') > 0) return socket.readableLength === 0;
  return socket.readableFlowing !== false;
}
