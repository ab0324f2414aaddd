/**
 * The process of a keeper: `node keeper-process.ts ORDER`, the order as JSON. It
 * is started detached by who first wants a server, and ends with the server.
 *
 * Of several keepers the one stays that takes the place. The others end at once,
 * with success, since the server is then somebody else's to start.
 */

import { Keeper } from './keeper.ts';
import { takePlace } from './place-lock.ts';
import type { ServerOrder } from './start-server.ts';

const [, , argument] = process.argv;
if (argument === undefined) throw new TypeError('keeper-process.ts is started by the test kit only');
// The parse boundary: the one who starts this made the order.
const order = JSON.parse(argument) as ServerOrder;

// Whatever it makes is for this user alone, and opened where the server's user needs it.
process.umask(0o077);

using taken = await takePlace(order.place);
if (taken !== undefined) {
  const keeper = new Keeper(order);
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => keeper.end());
  process.on('SIGHUP', () => undefined);
  await keeper.open();
  await keeper.ended;
}
