import { connect } from 'node:net';

import { systemClock } from '../base/clock.ts';
import { withDeadline } from '../base/deadline.ts';
import { EnginehouseError, isEnginehouseError } from '../base/errors.ts';
import type { OpenResource } from '../base/resource-registry.ts';
import { runId, tenantId, userId } from '../context/ids.ts';
import type { ListenAddress } from '../server/listen.ts';
import { configuredRuntime } from '../startup/pointer.ts';
import type { EnginehouseRuntime } from '../startup/runtime.ts';
import type { TestDatabase } from './postgres/test-databases.ts';

/** A server that takes a connection and says nothing is one that is left. */
const ANSWER_MS = 1_000;

export interface CleanOptions {
  /** Where the runtime had its sessions. */
  readonly database?: Pick<TestDatabase, 'sessionsLeft'> | undefined;
  /** Whether it was told before that this is left. */
  readonly told?: ((resource: OpenResource) => boolean) | undefined;
}

/**
 * Proves, rather than hopes, that a closed runtime is gone: the accessor does
 * not find it, its port refuses, its store is closed, and nothing that it opened
 * is left, here or on the database's server. `token` gives one that the runtime
 * accepts: a runtime that was given the same port since does not, so it is told
 * apart.
 *
 * @throws `CLEANUP_INCOMPLETE` naming everything that is still there
 */
export async function proveClean(
  runtime: EnginehouseRuntime,
  token: () => Promise<string>,
  { database, told }: CleanOptions = {},
): Promise<void> {
  const resources = runtime.resources.remaining().filter((resource) => told?.(resource) !== true);
  const left: string[] = resources.map(({ kind, name, owner, origin }) => {
    return `${kind} ${name}${owner === undefined ? '' : ` of ${owner}`}${origin === undefined ? '' : `\n${origin}`}`;
  });
  if (configuredRuntime() === runtime) left.push('the process-wide accessor still finds the runtime');
  if (await accepts(runtime, token)) left.push(`${runtime.address?.url} still accepts connections`);
  if (await answers(runtime)) left.push('the store still answers');
  const sessions = (await database?.sessionsLeft()) ?? 0;
  if (sessions > 0) left.push(`${sessions} sessions of the runtime are on the PostgreSQL server`);
  if (left.length === 0) return;
  throw new EnginehouseError('CLEANUP_INCOMPLETE', `after cleanup there is still: ${left.join('; ')}`, { left });
}

async function accepts({ address }: EnginehouseRuntime, token: () => Promise<string>): Promise<boolean> {
  if (address === undefined || !(await listens(address))) return false;
  const asked = fetch(`${address.url}/api/agents`, { headers: { Authorization: `Bearer ${await token()}` } });
  const status = await withDeadline('an answer', ANSWER_MS, systemClock, asked).then(
    (answer) => answer.status,
    () => 0,
  );
  return status !== 401;
}

function listens({ host, port }: ListenAddress): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, host);
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
