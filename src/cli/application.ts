import type { EnginehouseConfig } from '../startup/config.ts';
import { findConfig, loadConfig } from '../startup/load-config.ts';
import type { Environment } from '../startup/resolve-config.ts';

export interface ApplicationOptions {
  readonly data?: string;
  readonly config?: string;
}

/** What is to run: an application by its configuration file, or, without one, the agents that we ship. */
export interface Application {
  readonly config: EnginehouseConfig;
  /** `undefined` for the shipped agents. */
  readonly file: string | undefined;
  /** Where options that the configuration leaves open are looked up. */
  readonly env: Environment;
}

/** @throws `CONFIG_NOT_LOADED` */
export async function loadApplication({ data, config }: ApplicationOptions): Promise<Application> {
  const file = config ?? findConfig(process.cwd());
  const loaded = file === undefined ? await shippedAgents() : await loadConfig(file);
  if (data === undefined) return { file, config: loaded, env: process.env };
  // Whoever names a folder means that folder, whatever database the application has.
  const { DATABASE_URL: _database, ...env } = process.env;
  return { file, config: { ...loaded, store: { maxBytes: loaded.store?.maxBytes, path: data } }, env };
}

async function shippedAgents(): Promise<EnginehouseConfig> {
  const { analystAgents, analystMigrations } = await import('../analyst/index.ts');
  return { agents: analystAgents, database: { migrations: analystMigrations } };
}
