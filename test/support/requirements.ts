/**
 * Tests that need something which npm cannot install. Where it is missing they
 * are counted as not run, with what is missing; in strict mode
 * (ENGINEHOUSE_STRICT=1, as in CI) a test that cannot run has failed.
 */

import { existsSync, globSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { test, type TestContext } from 'vitest';
import { isStrict } from './strict.ts';

/** Something that a machine may lack. `cure` ends the sentence "to run them, …". */
export interface Requirement {
  readonly name: string;
  readonly cure: string;
  /** Where it is, or `undefined`. */
  find(): string | undefined;
}

const CHROMIUM: Requirement = {
  name: 'Chromium',
  cure: 'install the package chromium, or set CHROMIUM_PATH',
  find: () => firstThatExists(process.env['CHROMIUM_PATH'], '/usr/bin/chromium'),
};

const INSTALLED_POSTGRES: Requirement = {
  name: 'an installed PostgreSQL',
  cure: 'install PostgreSQL 15 or newer, on Debian with: sudo node scripts/postgres.mjs install',
  find: () => firstThatExists(...programsNamed('initdb'), ...globSync('/usr/lib/postgresql/*/bin/initdb')),
};

const PGBOUNCER: Requirement = {
  name: 'PgBouncer',
  cure: 'install the package pgbouncer',
  find: () => firstThatExists('/usr/sbin/pgbouncer', ...programsNamed('pgbouncer')),
};

/** A test that drives the page in a real browser; it gets the path of the program. */
export function testWithChromium(title: string, run: TestWith): void {
  testWith(CHROMIUM, title, run);
}

/** A test of a server that is not npm's; it gets the path of an `initdb`. */
export function testWithInstalledPostgres(title: string, run: TestWith): void {
  testWith(INSTALLED_POSTGRES, title, run);
}

/** A test behind a pooler; it gets the path of the program. */
export function testWithPgBouncer(title: string, run: TestWith): void {
  testWith(PGBOUNCER, title, run);
}

export type TestWith = (found: string, context: TestContext) => Promise<void> | void;

export function testWith(requirement: Requirement, title: string, run: TestWith): void {
  test(title, (context) => {
    const found = requirement.find();
    if (found !== undefined) return run(found, context);
    const missing = `needs ${requirement.name}: ${requirement.cure}`;
    if (isStrict) throw new Error(`not run: ${missing}`);
    return context.skip(missing);
  });
}

function programsNamed(name: string): readonly string[] {
  return (process.env['PATH'] ?? '').split(delimiter).map((folder) => join(folder, name));
}

function firstThatExists(...paths: readonly (string | undefined)[]): string | undefined {
  return paths.find((path) => path !== undefined && existsSync(path));
}
