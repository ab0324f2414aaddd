import { existsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

import { EnginehouseError } from '../base/errors.ts';
import { isRecord } from '../base/is-record.ts';
import type { EnginehouseConfig } from './config.ts';

const NAMES = ['enginehouse.config.ts', 'enginehouse.config.mts', 'enginehouse.config.js', 'enginehouse.config.mjs'];

/** Looks for a configuration file in `folder` and then upwards, as far as the first package.json. */
export function findConfig(folder: string): string | undefined {
  for (let at = resolve(folder); ; at = dirname(at)) {
    const found = NAMES.map((name) => join(at, name)).find((file) => existsSync(file));
    if (found !== undefined || existsSync(join(at, 'package.json')) || dirname(at) === at) return found;
  }
}

/**
 * Loads the default export of a configuration file. Node runs TypeScript as it is.
 *
 * @throws `CONFIG_NOT_LOADED` naming the file and why
 */
export async function loadConfig(file: string): Promise<EnginehouseConfig> {
  const path = resolve(file);
  if (!existsSync(path)) throw notLoaded(path, 'there is no such file');
  let loaded: unknown;
  try {
    loaded = await import(pathToFileURL(path).href);
  } catch (cause) {
    throw notLoaded(path, cause instanceof Error ? cause.message : String(cause), cause);
  }
  const config = isRecord(loaded) ? loaded['default'] : undefined;
  if (!isRecord(config)) throw notLoaded(path, 'it has no default export with a configuration');
  // What it holds is checked by resolveConfig, key by key.
  return config as unknown as EnginehouseConfig;
}

function notLoaded(file: string, reason: string, cause?: unknown): EnginehouseError {
  return new EnginehouseError('CONFIG_NOT_LOADED', `${file} was not loaded: ${reason}`, { file, reason }, { cause });
}
