/**
 * Who a transaction is, said so that SQL cannot say it for itself.
 *
 *   P1. A principal names the owners, when it expires, and carries a message
 *       authentication code over both (HMAC-SHA-256, RFC 2104). The key is in a
 *       table that no login can read; `enginehouse.owners()` checks the code.
 *   P2. It is set for one transaction. Another transaction on the same
 *       connection has none until it is set again.
 *   P3. Ids hold no control characters, so a line is one owner.
 */

import { createHmac } from 'node:crypto';

import type { Owner } from '../../context/ids.ts';
import { ownerText } from './layout.ts';

/** The principal of a transaction until `expiresAt`, in milliseconds of the database's own clock. */
export function signPrincipal(key: Uint8Array, expiresAt: number, ...owners: readonly Owner[]): string {
  const said = [String(Math.ceil(expiresAt / 1_000)), ...new Set(owners.map(ownerText))].join('\n');
  return `${createHmac('sha256', key).update(said).digest('hex')}\n${said}`;
}

/** The two blocks that HMAC puts before what it hashes (RFC 2104): all that the database is told of the key. */
export function hmacBlocks(key: Uint8Array): { readonly inner: Buffer; readonly outer: Buffer } {
  const block = Buffer.alloc(BLOCK_BYTES);
  block.set(key);
  return { inner: block.map((byte) => byte ^ 0x36) as Buffer, outer: block.map((byte) => byte ^ 0x5c) as Buffer };
}

const BLOCK_BYTES = 64;
