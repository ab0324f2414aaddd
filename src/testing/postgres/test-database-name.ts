/**
 * Names of the databases that the kit makes. Everything is in the name, so that
 * who comes later knows what it is, on a server that many projects use too:
 *
 *   enginehouse_test_HASH               a template, and the prefix of its roles
 *   enginehouse_test_HASH_PID_TIME_N    a clone; PID_TIME is the process that made it
 */

import { randomBytes } from 'node:crypto';

const KIT = 'enginehouse_test';

/** For `LIKE`: everything of the kit. */
export const KIT_DATABASES = String.raw`enginehouse\_test\_%`;

/** What the sessions that stand for a process are called, before its key. */
export const SESSION_PREFIX = 'enginehouse-testing';

export interface TestDatabaseName {
  readonly template: string;
  /** The process that made it; `undefined` for a template. */
  readonly process: string | undefined;
}

export function templateName(hash: string): string {
  return `${KIT}_${hash.slice(0, 12)}`;
}

export function cloneName(template: string, process: string, nth: number): string {
  return `${template}_${process}_${nth}`;
}

/** A process of any machine: numbers of processes come again, and two containers may have the same. */
export function processKey(pid: number, now: number): string {
  return `${pid}_${now.toString(36)}${randomBytes(2).toString('hex')}`;
}

/** What a name says; `undefined` for a database that is not the kit's. */
export function parseDatabaseName(name: string): TestDatabaseName | undefined {
  const parts = /^(enginehouse_test_[0-9a-f]{12})(?:_(\d+_[0-9a-z]+)_\d+)?$/.exec(name);
  return parts?.[1] === undefined ? undefined : { template: parts[1], process: parts[2] };
}
