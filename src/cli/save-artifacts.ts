/**
 * Writes the files that a run made into a folder.
 *
 *   S1. A title becomes a plain file name: nothing is ever written outside the
 *       folder, nor through a link that stands in it.
 *   S2. A file is there whole or not at all.
 */

import { createWriteStream } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';

import { EnginehouseError } from '../base/errors.ts';
import { systemIds } from '../base/ids.ts';
import type { ArtifactStore } from '../event/store.ts';

export interface MadeFile {
  readonly artifactId: string;
  readonly title: string;
}

/** Resolves with the paths. @throws `CONFIG_INVALID` when the folder cannot be written to */
export async function saveArtifacts(
  folder: string,
  files: readonly MadeFile[],
  artifacts: ArtifactStore,
): Promise<readonly string[]> {
  const taken = new Set<string>();
  const paths: string[] = [];
  try {
    await mkdir(folder, { recursive: true });
    for (const { artifactId, title } of files) {
      const path = join(folder, freeName(fileName(title), taken));
      await writeWhole(path, artifacts.read(artifactId));
      paths.push(path);
    }
  } catch (error) {
    if (error instanceof EnginehouseError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new EnginehouseError(
      'CONFIG_INVALID',
      `--out ${folder} cannot be written to: ${reason}`,
      { option: 'out', received: folder },
      { cause: error },
    );
  }
  return paths;
}

/** S1: letters, digits and a few marks of the title's last part; never hidden, never empty, and no name that Windows keeps for itself. */
export function fileName(title: string): string {
  const last = title.toWellFormed().split(/[/\\]/).at(-1) ?? '';
  const safe = last
    .replaceAll(/[^\p{L}\p{N} ._-]/gu, '_')
    .replace(/^[. ]+/, '')
    .slice(0, 100)
    .replace(/[. ]+$/, '');
  if (safe === '') return 'file';
  return /^(?:con|prn|aux|nul|com\d|lpt\d)(?:\.|$)/i.test(safe) ? `_${safe}` : safe;
}

/** `report.md`, then `report-2.md`. Names that differ in case only are one file on some systems. */
function freeName(name: string, taken: Set<string>): string {
  const extension = extname(name);
  const stem = name.slice(0, name.length - extension.length);
  for (let number = 1; ; number += 1) {
    const tried = number === 1 ? name : `${stem}-${number}${extension}`;
    if (taken.has(tried.toLowerCase())) continue;
    taken.add(tried.toLowerCase());
    return tried;
  }
}

/** S2: a rename replaces a link, it does not follow it. */
async function writeWhole(path: string, content: AsyncIterable<Uint8Array>): Promise<void> {
  const partial = `${path}.${systemIds.next()}.part`;
  try {
    await pipeline(content, createWriteStream(partial, { flags: 'wx' }));
    await rename(partial, path);
  } catch (error) {
    await rm(partial, { force: true });
    throw error;
  }
}
