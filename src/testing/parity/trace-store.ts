/**
 * Keeps the boot trace of a production entry between processes and runs, in
 * `node_modules/.cache/enginehouse/parity`.
 *
 *   C1. A trace is found under a digest of what made it: this package's own
 *       files, the configuration file, the entry's words and those of them that
 *       are files. What those import is not looked at, so no trace is older than a day.
 *   C2. A trace is made by one process at a time; the others wait for it.
 *   C3. A project without node_modules keeps nothing.
 */

import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

import { holdingClock, sleep } from '../../base/clock.ts';
import { isEnginehouseError } from '../../base/errors.ts';
import { findConfig } from '../../startup/load-config.ts';
import { packageVersion } from '../../startup/package-files.ts';
import { lockFolder } from '../../store/sqlite/folder-lock.ts';
import { parseTrace } from './boot-production.ts';
import type { ComparedBoot } from './compare-boots.ts';
import type { ProductionEntry } from './production-entry.ts';

const DAY_MS = 86_400_000;
const LOOK_MS = 25;

/** The trace that is kept of this entry, or the one that `make` gives, which is then kept. @throws what `make` throws */
export async function keptTrace(entry: ProductionEntry, make: () => Promise<ComparedBoot>): Promise<ComparedBoot> {
  const folder = cacheFolder(entry.cwd);
  if (folder === undefined) return make();
  const file = join(folder, `${await digestOf(entry)}.json`);
  for (;;) {
    const known = await read(file);
    if (known !== undefined) return known;
    using lock = await lockOf(folder);
    if (lock === undefined) await sleep(holdingClock, LOOK_MS);
    else return (await read(file)) ?? (await keep(file, await make()));
  }
}

/** C3 */
function cacheFolder(cwd: string): string | undefined {
  for (let at = cwd; ; at = dirname(at)) {
    const modules = join(at, 'node_modules');
    if (existsSync(modules)) return join(modules, '.cache', 'enginehouse', 'parity');
    if (dirname(at) === at) return undefined;
  }
}

/** C1 */
async function digestOf({ command, args, cwd, env }: ProductionEntry): Promise<string> {
  const said = [command, ...args].map((word) => resolve(cwd, word));
  const config = findConfig(cwd);
  const files = [...(await ownFiles()), ...(config === undefined ? [] : [config]), ...said];
  const states = await Promise.all(files.map(stateOf));
  const key = JSON.stringify([packageVersion(), process.version, command, args, cwd, env, states]);
  return createHash('sha256').update(key).digest('hex').slice(0, 32);
}

/** What is built is built whole, so that one file stands for all. */
async function ownFiles(): Promise<readonly string[]> {
  if (import.meta.url.endsWith('.js')) return [fileURLToPath(import.meta.url)];
  const root = fileURLToPath(new URL('../../', import.meta.url));
  const files = await readdir(root, { recursive: true });
  return files
    .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'))
    .toSorted()
    .map((file) => join(root, file));
}

async function stateOf(file: string): Promise<string> {
  const found = await stat(file).catch(() => undefined);
  return found?.isFile() === true ? `${file} ${found.size} ${found.mtimeMs}` : '';
}

async function read(file: string): Promise<ComparedBoot | undefined> {
  try {
    const { mtimeMs } = await stat(file);
    return holdingClock.now() - mtimeMs < DAY_MS ? parseTrace(await readFile(file, 'utf8')) : undefined;
  } catch {
    return undefined;
  }
}

/** C2 */
async function lockOf(folder: string): Promise<Disposable | undefined> {
  await mkdir(folder, { recursive: true });
  try {
    return lockFolder(folder);
  } catch (error) {
    if (isEnginehouseError(error, 'STORE_IN_USE')) return undefined;
    throw error;
  }
}

/** The lock is held. */
async function keep(file: string, trace: ComparedBoot): Promise<ComparedBoot> {
  const folder = dirname(file);
  for (const name of await readdir(folder)) {
    const old = join(folder, name);
    if (name.endsWith('.json') && (await read(old)) === undefined) await rm(old, { force: true });
  }
  await writeFile(`${file}.part`, JSON.stringify(trace));
  await rename(`${file}.part`, file);
  return trace;
}
