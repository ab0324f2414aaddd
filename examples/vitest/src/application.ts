import { defineConfig, type EnginehouseConfig } from 'enginehouse';

import { createAgents, type Models } from './agents.ts';
import { migrations } from './tables.ts';

/** The whole application, on the models that it is given: real ones in production, scripted ones in tests. */
export function application(models: Models): EnginehouseConfig {
  return defineConfig({ agents: createAgents(models), database: { migrations } });
}
