/**
 * What keepers and those who come to them say: JSON, one line each way, then
 * the connection is only held. A change that the other side would not
 * understand counts `LANGUAGE` in server-place.ts up.
 */

import type { Socket } from 'node:net';

import type { ErrorJson } from '../../base/errors.ts';
import type { ServerState } from './server-state.ts';

export type ToKeeper =
  /** Keep the server while this connection is open, and at least `graceMs` after the last one closes. */
  | { readonly say: 'hold'; readonly graceMs: number }
  /**
   * End the server: `now`, whoever holds it, or else without a grace once nobody does. The connection is closed when it
   * is gone; while others hold it, the answer says so.
   */
  | { readonly say: 'stop'; readonly now: boolean };

export type FromKeeper =
  | { readonly say: 'ready'; readonly server: ServerState }
  | { readonly say: 'failed'; readonly error: ErrorJson }
  | { readonly say: 'held'; readonly by: number };

const LONGEST_LINE = 65_536;

export function tell(socket: Socket, message: ToKeeper | FromKeeper): void {
  socket.write(`${JSON.stringify(message)}\n`);
}

/** The first line that the other side says; `undefined` when it closes without one. What it says later is dropped. */
export function hear(socket: Socket): Promise<string | undefined> {
  return new Promise((resolve) => {
    let text = '';
    socket.setEncoding('utf8');
    socket.on('data', (more: string) => {
      if (text.length > LONGEST_LINE || text.includes('\n')) return;
      text += more;
      const end = text.indexOf('\n');
      if (end !== -1) resolve(text.slice(0, end));
    });
    socket.once('close', () => resolve(undefined));
  });
}
