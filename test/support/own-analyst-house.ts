import { analystMigrations } from '../../src/analyst/index.ts';
import type { EnginehouseRuntime } from '../../src/startup/runtime.ts';
import { analystHouse } from './analyst-house.ts';
import { ownStore } from './own-store.ts';

/** A runtime with the analyst, on a store of the calling test's own. */
export async function ownAnalystHouse(): Promise<EnginehouseRuntime> {
  return analystHouse(await ownStore(analystMigrations));
}
