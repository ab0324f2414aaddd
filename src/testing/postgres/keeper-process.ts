/**
 * The process of a keeper: `node keeper-process.ts ORDER`, the order as JSON. It
 * is started detached by who first wants a server, and ends with the server.
 *
 * The lock of the place decides which of several keepers stays; the others end
 * at once, with success, since the server is then somebody else's to start.
 */

import { isEnginehouseError } from '../../base/errors.ts';
import { lockFolder } from '../../store/sqlite/folder-lock.ts';
import { Keeper } from './keeper.ts';
import type { ServerOrder } from './start-server.ts';

const [, , argument] = process.argv;
if (argument === undefined) throw new TypeError('keeper-process.ts is started by the test kit only');
// The parse boundary: the one who starts this made the order.
const order = JSON.parse(argument) as ServerOrder;

const lock = takeLock(order.place.lock);
if (lock !== undefined) await keep(lock);

async function keep(held: Disposable): Promise<void> {
  using _lock = held;
  const keeper = new Keeper(order);
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => keeper.end());
  process.on('SIGHUP', () => undefined);
  await keeper.open();
  await keeper.ended;
}

function takeLock(folder: string): Disposable | undefined {
  try {
    return lockFolder(folder);
  } catch (error) {
    if (isEnginehouseError(error, 'STORE_IN_USE')) return undefined;
    throw error;
  }
}
