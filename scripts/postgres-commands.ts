/** What `npm run postgres` does; see postgres.mjs. */

import { type PrivateServer, privateServers, stopServer } from '../src/testing/postgres/private-servers.ts';
import { LONGEST_GRACE_MS, resolvePostgresOptions } from '../src/testing/postgres/postgres-options.ts';
import { knownHomes } from '../src/testing/postgres/server-place.ts';
import { testPostgres } from '../src/testing/postgres/test-postgres.ts';

export async function start(): Promise<void> {
  await using server = await testPostgres({ graceMs: LONGEST_GRACE_MS });
  process.stdout.write(`PostgreSQL ${server.version} (${server.source})\n${server.adminUrl}\n${server.tcpUrl}\n`);
  if (server.source !== 'DATABASE_URL') process.stdout.write('It runs until: npm run postgres -- stop\n');
}

export async function status(): Promise<void> {
  const { databaseUrl } = resolvePostgresOptions({});
  if (databaseUrl !== undefined) process.stdout.write('DATABASE_URL is set: tests take the server that it names\n');
  const servers = await mine();
  for (const { name, place, urls } of servers) {
    process.stdout.write(`${name} ${urls === undefined ? 'does not answer' : 'runs'} in ${place.folder}\n`);
  }
  if (servers.length === 0) process.stdout.write('no private server runs\n');
}

export async function url(): Promise<void> {
  const { databaseUrl, source } = resolvePostgresOptions({});
  const ways = databaseUrl ?? (await mine()).find((server) => isWanted(server, source))?.urls?.adminUrl;
  if (ways === undefined) throw new Error('no server runs; start one: npm run postgres -- start');
  process.stdout.write(`${ways}\n`);
}

export async function stop({ now }: { readonly now: boolean }): Promise<void> {
  const servers = await mine();
  for (const { name, place } of servers) {
    const holders = await stopServer(place, { now });
    const outcome = holders === 0 ? 'is stopped' : `is in use, and ends with the last of ${holders} that hold it`;
    process.stdout.write(`${name} ${outcome}\n`);
  }
  if (servers.length === 0) process.stdout.write('no private server runs\n');
}

function mine(): Promise<readonly PrivateServer[]> {
  const { folder } = resolvePostgresOptions({});
  return privateServers(folder === undefined ? knownHomes() : [folder]);
}

/** Installed ones come first by their names, as in a search. */
function isWanted({ name, urls }: PrivateServer, source: string | undefined): boolean {
  return urls !== undefined && name.endsWith('-fast') && name.startsWith(source ?? '');
}
