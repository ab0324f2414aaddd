import { createServer } from 'node:net';

import { systemClock } from '../../base/clock.ts';
import { withDeadline } from '../../base/deadline.ts';
import { EnginehouseError } from '../../base/errors.ts';
import { isRecord } from '../../base/is-record.ts';
import { requireLoopback } from '../../server/resolve-auth.ts';
import type { ResolvedConfig } from '../../startup/resolve-config.ts';
import { failure, finding, type Finding } from './finding.ts';

const ANSWER_TIMEOUT_MS = 2_000;

/** Who may come in, and whether the address is free. */
export async function* checkAddress({ auth, server: { host, port, listen } }: ResolvedConfig): AsyncGenerator<Finding> {
  if (!listen) return;
  try {
    requireLoopback(auth, host);
    yield finding(
      'ok',
      'sign-in',
      auth.key === undefined ? 'development mode: one local user, on this machine only' : 'by token',
    );
  } catch (error) {
    yield failure('sign-in', error);
  }
  yield await checkPort(host, port);
}

async function checkPort(host: string, port: number): Promise<Finding> {
  try {
    await tryToListen(host, port);
    return finding('ok', 'address', port === 0 ? `${host}, on a port that is free` : `${host}:${port} is free`);
  } catch (error) {
    const version = await enginehouseAt(host, port);
    if (version === undefined) return failure('address', error);
    return finding(
      'warn',
      'address',
      `an Enginehouse ${version} answers at ${host}:${port} already`,
      'Use it, stop it, or choose another port with --port or PORT.',
    );
  }
}

function tryToListen(host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => reject(asAddressError(error, host, port)));
    server.listen({ host, port }, () => server.close(() => resolve()));
  });
}

function asAddressError(error: NodeJS.ErrnoException, host: string, port: number): EnginehouseError {
  if (error.code === 'EADDRINUSE') {
    return new EnginehouseError('PORT_IN_USE', `${host}:${port} is in use`, { host, port }, { cause: error });
  }
  const message = `${host}:${port} cannot be listened on: ${error.message}`;
  return new EnginehouseError('CONFIG_INVALID', message, { option: 'server.host', received: host }, { cause: error });
}

/** The version of the Enginehouse that answers there, if one does. */
async function enginehouseAt(host: string, port: number): Promise<string | undefined> {
  const name = host.includes(':') ? `[${host}]` : host;
  try {
    const asked = fetch(`http://${name}:${port}/health/live`).then((response) => response.json());
    const answer: unknown = await withDeadline('the answer to /health/live', ANSWER_TIMEOUT_MS, systemClock, asked);
    return isRecord(answer) && typeof answer['version'] === 'string' ? answer['version'] : undefined;
  } catch {
    return undefined;
  }
}
