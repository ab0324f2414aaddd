import { existsSync } from 'node:fs';
import { mkdtemp, rmdir, statfs } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';

import { finding, type Finding } from './finding.ts';

const MEGABYTE = 1_048_576;

/** Below the first a large ledger may not fit, below the second hardly anything does. */
const ROOMY_BYTES = 1_024 * MEGABYTE;
const LEAST_BYTES = 64 * MEGABYTE;

/** Whether the data folder, or the nearest one above it that exists, can be written to, and what room it has. */
export async function* checkFolder(path: string): AsyncGenerator<Finding> {
  const name = 'data folder';
  if (path === ':memory:') {
    yield finding(
      'warn',
      name,
      'the store is in memory, so nothing is kept',
      'Set store.path, or --data, to a folder.',
    );
    return;
  }
  const folder = resolve(path);
  const nearest = nearestThatExists(folder);
  try {
    await rmdir(await mkdtemp(join(nearest, '.doctor-')));
    yield finding('ok', name, nearest === folder ? folder : `${folder}, which the first start makes`);
    yield await checkRoom(nearest);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    const cure = 'Choose another folder with --data or ENGINEHOUSE_DATA.';
    yield finding('fail', name, `${folder} cannot be written to: ${reason}`, cure);
  }
}

async function checkRoom(folder: string): Promise<Finding> {
  const { bavail, bsize } = await statfs(folder);
  const bytes = bavail * bsize;
  const says = `${Math.floor(bytes / MEGABYTE).toLocaleString('en-US')} MB free`;
  const cure = 'Free disk space, or choose another folder with --data or ENGINEHOUSE_DATA.';
  if (bytes < LEAST_BYTES) return finding('fail', 'disk', says, cure);
  return bytes < ROOMY_BYTES ? finding('warn', 'disk', says, cure) : finding('ok', 'disk', says);
}

function nearestThatExists(folder: string): string {
  return existsSync(folder) || dirname(folder) === folder ? folder : nearestThatExists(dirname(folder));
}
