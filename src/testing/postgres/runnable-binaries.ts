/**
 * Makes found programs runnable by the user of the server, without touching
 * where they were found.
 *
 * An npm package holds no symbolic links. That of PostgreSQL makes its own in an
 * install script, which may not have run; then the links are made in the folder
 * of the server. And a package may lie where the user of the server cannot go,
 * such as under the home of root; then its files are copied.
 */

import { access, chmod, constants, copyFile, mkdir, readdir, readFile, symlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';

import type { Binaries } from './binaries.ts';
import { canReach, type ServerUser } from './server-user.ts';

export interface Runnable {
  readonly bin: string;
  /** What the programs need in their environment. */
  readonly env: Readonly<Record<string, string>>;
}

/** A link that the package wants: both ends as paths inside the package. */
interface PackageLink {
  readonly source: string;
  readonly target: string;
}

export async function makeRunnable(
  { source, bin }: Binaries,
  folder: string,
  user: ServerUser | undefined,
): Promise<Runnable> {
  if (source === 'installed') return { bin, env: {} };
  const root = dirname(dirname(bin));
  const links = await linksOf(root);
  const linked = await allExist(links.map(({ target }) => join(root, target)));
  if (!(await canRun(join(bin, 'postgres'), user)) || (!linked && process.platform === 'darwin')) {
    // On macOS the system takes the library path away from programs that initdb starts by a shell.
    const copy = join(folder, 'package');
    await copyPrograms(root, copy);
    for (const link of links) await symlink(join(copy, link.source), join(copy, link.target));
    return { bin: join(copy, 'native', 'bin'), env: {} };
  }
  if (linked) return { bin, env: {} };
  const libraries = join(folder, 'lib');
  await makeOpenFolder(libraries);
  for (const link of links) {
    await symlink(join(root, link.source), join(libraries, link.target.slice(link.target.lastIndexOf('/') + 1)));
  }
  // A library looks for others beside the path that it was found by, and beside a link of ours there are none.
  return { bin, env: { LD_LIBRARY_PATH: `${libraries}:${join(root, 'native', 'lib')}` } };
}

async function linksOf(root: string): Promise<readonly PackageLink[]> {
  const file = join(root, 'native', 'pg-symlinks.json');
  // The parse boundary: the package writes this file for its own install script.
  return JSON.parse(await readFile(file, 'utf8').catch(() => '[]')) as readonly PackageLink[];
}

async function canRun(program: string, user: ServerUser | undefined): Promise<boolean> {
  return user === undefined ? allExist([program], constants.X_OK) : canReach(program, user);
}

async function allExist(paths: readonly string[], how: number = constants.F_OK): Promise<boolean> {
  const seen = await Promise.allSettled(paths.map((path) => access(path, how)));
  return seen.every(({ status }) => status === 'fulfilled');
}

/** Copies what a server needs, for everybody to read. What is only for compiling against PostgreSQL stays. */
async function copyPrograms(root: string, copy: string): Promise<void> {
  const entries = await readdir(join(root, 'native'), { recursive: true, withFileTypes: true });
  for (const entry of entries) {
    const from = join(entry.parentPath, entry.name);
    const to = join(copy, from.slice(root.length));
    if (!entry.isFile() || entry.name.endsWith('.a') || from.includes('pgxs')) continue;
    await makeOpenFolder(dirname(to));
    await copyFile(from, to);
    await chmod(to, 0o755);
  }
}

/** Whatever the file mode mask of this process says. */
async function makeOpenFolder(folder: string): Promise<void> {
  const made = await mkdir(folder, { recursive: true });
  if (made === undefined) return;
  for (let at = folder; at.length >= made.length; at = dirname(at)) await chmod(at, 0o755);
}
