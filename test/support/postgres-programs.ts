/** The programs that come with a PostgreSQL server, and our scripts that use them. */

import { execFile } from 'node:child_process';
import { existsSync, globSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';

import { USUAL_PLACES } from '../../src/testing/postgres/installed-binaries.ts';
import type { Requirement } from './requirements.ts';

const SCRIPTS = join(import.meta.dirname, '../../examples/postgres');
const PROGRAMS = ['pg_dump', 'pg_restore', 'pg_basebackup', 'psql', 'pg_ctl', 'initdb'];
const TIMEOUT_MS = 60_000;

const execute = promisify(execFile);

/** All in one folder, so of one version, as a dump and its server must be. npm's packages have no pg_dump. */
export const POSTGRES_PROGRAMS: Requirement = {
  name: 'pg_dump and psql beside the programs of a PostgreSQL server',
  cure: 'install PostgreSQL 15 or newer',
  find: () =>
    [...(process.env['PATH'] ?? '').split(delimiter), ...USUAL_PLACES.flatMap((place) => globSync(place))].find((bin) =>
      PROGRAMS.every((program) => existsSync(join(bin, program))),
    ),
};

export interface ScriptOptions {
  /** What the requirement found. */
  readonly bin: string;
  readonly url: string;
  readonly args?: readonly string[];
}

/** Runs a script of examples/postgres. @throws with what it printed when it failed */
export async function runScript(name: string, { bin, url, args = [] }: ScriptOptions): Promise<void> {
  const env = { PATH: `${bin}${delimiter}${process.env['PATH'] ?? ''}`, DATABASE_URL: url };
  await execute(join(SCRIPTS, name), [...args], { env, timeout: TIMEOUT_MS });
}

/** Runs a file of examples/postgres with psql, and gives what it printed. */
export async function runSqlFile(name: string, { bin, url, args = [] }: ScriptOptions): Promise<string> {
  const file = join(SCRIPTS, name);
  const running = execute(join(bin, 'psql'), [url, '--no-psqlrc', ...args, '--file', file], { timeout: TIMEOUT_MS });
  return (await running).stdout;
}

/** Gives SQL to psql as a pipe does, statement by statement. */
export async function pipeToPsql(sql: string, { bin, url }: ScriptOptions): Promise<void> {
  const running = execute(join(bin, 'psql'), [url, '--no-psqlrc', '--set', 'ON_ERROR_STOP=1'], { timeout: TIMEOUT_MS });
  running.child.stdin?.end(sql);
  await running;
}
