import { constants } from 'node:fs';
import { access, glob, realpath } from 'node:fs/promises';
import { delimiter, dirname, isAbsolute, join } from 'node:path';

import { type Binaries, isNewEnough, LEAST_VERSION, type LookedFor, versionIn } from './binaries.ts';
import { runProgram } from './run-program.ts';
import { canReach, serverUser } from './server-user.ts';

/** Where packages of operating systems, Homebrew and Postgres.app put the programs. */
export const USUAL_PLACES: readonly string[] =
  process.platform === 'win32'
    ? ['C:/Program Files/PostgreSQL/*/bin']
    : [
        '/usr/lib/postgresql/*/bin',
        '/usr/pgsql-*/bin',
        '/usr/libexec/postgresql*',
        '/opt/homebrew/opt/postgresql*/bin',
        '/usr/local/opt/postgresql*/bin',
        '/home/linuxbrew/.linuxbrew/opt/postgresql*/bin',
        '/Applications/Postgres.app/Contents/Versions/*/bin',
        '/usr/local/pgsql/bin',
      ];

const PROGRAM_TIMEOUT_MS = 10_000;
const SUFFIX = process.platform === 'win32' ? '.exe' : '';

/** The first installed programs that can be used, or `undefined` once all that was looked for is noted. */
export async function findInstalled(
  path: string,
  places: readonly string[],
  note: LookedFor,
): Promise<Binaries | undefined> {
  const onPath = path.split(delimiter).filter(isAbsolute);
  const seen = new Set<string>();
  for (const folders of [
    await foldersOf(onPath, note),
    ...(await Promise.all(places.map((at) => newestFirst(at, note)))),
  ]) {
    for (const bin of folders) {
      if (seen.has(bin)) continue;
      seen.add(bin);
      const version = await usableVersion(bin, note);
      if (version !== undefined) return { source: 'installed', version, bin };
    }
  }
  return undefined;
}

/** The folders that `pg_config` and `initdb` on the PATH lead to. */
async function foldersOf(path: readonly string[], note: LookedFor): Promise<readonly string[]> {
  const config = await firstIn(path, 'pg_config');
  const initdb = await firstIn(path, 'initdb');
  if (config === undefined && initdb === undefined) note('pg_config or initdb on the PATH');
  const said =
    config === undefined
      ? ''
      : await runProgram(config, ['--bindir'], { timeoutMs: PROGRAM_TIMEOUT_MS }).catch(() => '');
  const folders = [said.trim(), initdb === undefined ? '' : dirname(await realpath(initdb))];
  return folders.filter((folder) => folder !== '');
}

async function newestFirst(place: string, note: LookedFor): Promise<readonly string[]> {
  const found = await Array.fromAsync(glob(place));
  if (found.length === 0) note(place);
  return found.toSorted((a, b) => b.localeCompare(a, 'en', { numeric: true }));
}

async function usableVersion(bin: string, note: LookedFor): Promise<string | undefined> {
  const postgres = join(bin, `postgres${SUFFIX}`);
  // pg_config comes with libraries for clients too, and then leads to a folder without a server.
  if (!(await isProgram(postgres)) || !(await isProgram(join(bin, `initdb${SUFFIX}`)))) {
    note(`${bin} (no initdb and postgres that can be run)`);
    return undefined;
  }
  const user = await serverUser();
  if (user !== undefined && !(await canReach(postgres, user))) {
    note(`${bin} (out of reach for the user ${user.uid}, which a server of root is run as)`);
    return undefined;
  }
  const said = await runProgram(postgres, ['--version'], { timeoutMs: PROGRAM_TIMEOUT_MS }).catch(String);
  const version = versionIn(said);
  if (version !== undefined && isNewEnough(version)) return version;
  note(
    `${bin} (${version === undefined ? said.trim() : `version ${version}, and ${LEAST_VERSION} is the oldest known`})`,
  );
  return undefined;
}

async function firstIn(path: readonly string[], name: string): Promise<string | undefined> {
  for (const folder of path) {
    const file = join(folder, `${name}${SUFFIX}`);
    if (await isProgram(file)) return file;
  }
  return undefined;
}

function isProgram(file: string): Promise<boolean> {
  return access(file, constants.X_OK).then(
    () => true,
    () => false,
  );
}
