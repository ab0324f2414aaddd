import { connect } from 'node:net';

import { EnginehouseError, isEnginehouseError } from '../base/errors.ts';
import { runId, tenantId, userId } from '../context/ids.ts';
import { configuredRuntime } from '../startup/pointer.ts';
import type { EnginehouseRuntime } from '../startup/runtime.ts';

/**
 * Proves, rather than hopes, that a closed runtime is gone: the accessor does
 * not find it, its port refuses, its store is closed, and nothing that it opened
 * is left.
 *
 * @throws `CLEANUP_INCOMPLETE` naming everything that is still there
 */
export async function proveClean(runtime: EnginehouseRuntime): Promise<void> {
  const left: string[] = runtime.resources.remaining().map(({ kind, name, owner, origin }) => {
    return `${kind} ${name}${owner === undefined ? '' : ` of ${owner}`}${origin === undefined ? '' : `\n${origin}`}`;
  });
  if (configuredRuntime() === runtime) left.push('the process-wide accessor still finds the runtime');
  if (await accepts(runtime)) left.push(`${runtime.address?.url} still accepts connections`);
  if (await answers(runtime)) left.push('the store still answers');
  if (left.length === 0) return;
  throw new EnginehouseError('CLEANUP_INCOMPLETE', `after cleanup there is still: ${left.join('; ')}`, { left });
}

function accepts({ address }: EnginehouseRuntime): Promise<boolean> {
  if (address === undefined) return Promise.resolve(false);
  return new Promise((resolve) => {
    const socket = connect(address.port, address.host);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

async function answers({ store }: EnginehouseRuntime): Promise<boolean> {
  const nobody = { tenantId: tenantId('enginehouse'), userId: userId('proof') };
  try {
    await store.for(nobody).runs.get(runId('proof'));
    return true;
  } catch (error) {
    return !isEnginehouseError(error, 'CLOSED');
  }
}
