import { Client } from 'pg';

import { EnginehouseError } from '../../base/errors.ts';
import { isNewEnough, LEAST_VERSION, versionIn } from './binaries.ts';

const ANSWER_MS = 10_000;

/**
 * The version of the server that DATABASE_URL names.
 *
 * @throws `CONFIG_INVALID` when it names none, `POSTGRES_NOT_STARTED` when it cannot be reached or is too old.
 */
export async function externalVersion(url: string): Promise<string> {
  if (!URL.canParse(url) || !['postgres:', 'postgresql:'].includes(new URL(url).protocol)) {
    // The value may hold a password, so only its kind is said.
    const received = url.slice(0, Math.max(0, url.indexOf(':') + 1));
    const message = `DATABASE_URL must be a URL that begins with postgres://, got one that begins with "${received}"`;
    throw new EnginehouseError('CONFIG_INVALID', message, { option: 'DATABASE_URL', received });
  }
  const { host } = new URL(url);
  const version = versionIn(await ask(url).catch((error: unknown) => unreachable(host, error)));
  if (version !== undefined && isNewEnough(version)) return version;
  return unreachable(host, `it is version ${version ?? 'unknown'}, and ${LEAST_VERSION} is the oldest known`);
}

async function ask(url: string): Promise<string> {
  const client = new Client({
    connectionString: url,
    connectionTimeoutMillis: ANSWER_MS,
    query_timeout: ANSWER_MS,
    application_name: 'enginehouse-testing',
  });
  client.on('error', () => undefined);
  try {
    await client.connect();
    const { rows } = await client.query<{ server_version: string }>('SHOW server_version');
    return rows[0]?.server_version ?? '';
  } finally {
    await client.end();
  }
}

function unreachable(host: string, cause: unknown): never {
  const reason = cause instanceof Error ? cause.message : String(cause);
  const message = `the server of DATABASE_URL (${host}) cannot be used: ${reason}`;
  throw new EnginehouseError(
    'POSTGRES_NOT_STARTED',
    message,
    { step: 'connecting to DATABASE_URL', reason },
    { cause, cure: `Start the server that DATABASE_URL names, or unset it to have a private one for the tests.` },
  );
}
