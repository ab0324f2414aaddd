import { STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';

import type { ErrorJson } from '../base/errors.ts';

/** Answers an upgrade with an HTTP error in the one JSON form, and ends the connection. */
export function refuseUpgrade(socket: Duplex, status: number, error: ErrorJson): void {
  if (socket.destroyed) return;
  const body = Buffer.from(JSON.stringify(error));
  const { retryAfterMs } = error;
  const lines = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? 'Error'}`,
    'Connection: close',
    'Content-Type: application/json; charset=utf-8',
    `Content-Length: ${body.length}`,
    ...(status === 401 ? ['WWW-Authenticate: Bearer'] : []),
    ...(retryAfterMs === undefined ? [] : [`Retry-After: ${Math.ceil(retryAfterMs / 1_000)}`]),
  ];
  // A peer that is gone already is no failure of ours.
  socket.on('error', () => undefined);
  socket.once('finish', () => socket.destroy());
  socket.end(Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`), body]));
}
