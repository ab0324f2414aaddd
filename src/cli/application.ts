import type { EnginehouseConfig } from '../startup/config.ts';
import { findConfig, loadConfig } from '../startup/load-config.ts';

export interface ApplicationOptions {
  readonly data?: string;
  readonly config?: string;
}

/** What is to run: an application by its configuration file, or, without one, the agents that we ship. */
export interface Application {
  readonly config: EnginehouseConfig;
  /** `undefined` for the shipped agents. */
  readonly file: string | undefined;
}

/** @throws `CONFIG_NOT_LOADED` */
export async function loadApplication({ data, config }: ApplicationOptions): Promise<Application> {
  const file = config ?? findConfig(process.cwd());
  const loaded = file === undefined ? await shippedAgents() : await loadConfig(file);
  return { file, config: data === undefined ? loaded : { ...loaded, store: { ...loaded.store, path: data } } };
}

async function shippedAgents(): Promise<EnginehouseConfig> {
  const { analystAgents, analystMigrations } = await import('../analyst/index.ts');
  return { agents: analystAgents, database: { migrations: analystMigrations } };
}
