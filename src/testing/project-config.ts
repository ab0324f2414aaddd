import { findConfig, loadConfig } from '../startup/load-config.ts';
import type { EnginehouseConfig } from '../startup/config.ts';

/** Loaded once per process and folder: a module graph is the dearest part of a test. */
const loaded = new Map<string, Promise<EnginehouseConfig | undefined>>();

/**
 * The tested application's own configuration, from the folder that the runner works in.
 *
 * @throws `CONFIG_NOT_LOADED`
 */
export function projectConfig(folder: string = process.cwd()): Promise<EnginehouseConfig | undefined> {
  const known = loaded.get(folder);
  if (known !== undefined) return known;
  const file = findConfig(folder);
  const config = file === undefined ? Promise.resolve(undefined) : loadConfig(file);
  loaded.set(folder, config);
  return config;
}
