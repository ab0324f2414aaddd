import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { systemClock, type Clock } from '../../src/base/clock.ts';
import { ResourceRegistry } from '../../src/base/resource-registry.ts';
import { DEFAULT_TENANT, userId, type Owner } from '../../src/context/ids.ts';
import type { LimitOptions } from '../../src/context/limits.ts';
import { resolveLimits } from '../../src/context/resolve-limits.ts';
import { UserExecutionContext } from '../../src/context/user-execution-context.ts';
import { DatabaseSessionManager, type AgentDatabases } from '../../src/event/database-session-manager.ts';
import type { Migrations } from '../../src/event/migrations.ts';
import { createAgentDatabases } from '../../src/store/database/create-agent-databases.ts';

export const STOCK: Migrations = {
  '001_stock': 'CREATE TABLE stock (sku TEXT PRIMARY KEY, count INTEGER NOT NULL CHECK (count >= 0))',
};

export interface DataHouseOptions {
  /** @default STOCK */
  readonly migrations?: Migrations | undefined;
  readonly limits?: LimitOptions;
  readonly clock?: Clock;
  /** A folder that outlives this house. @default one of its own, taken away with it */
  readonly folder?: string;
}

export function owner(user: string): Owner {
  return { tenantId: DEFAULT_TENANT, userId: userId(user) };
}

/** The users' databases of one runtime, with the door that an engine has. */
export class DataHouse implements AsyncDisposable {
  readonly databases: AgentDatabases;
  readonly resources: ResourceRegistry;
  readonly folder: string;

  constructor(databases: AgentDatabases, resources: ResourceRegistry, folder: string) {
    this.databases = databases;
    this.resources = resources;
    this.folder = folder;
  }

  static async open(options: DataHouseOptions = {}): Promise<DataHouse> {
    const { clock = systemClock, limits } = options;
    const resources = new ResourceRegistry();
    const folder = options.folder ?? (await temporaryFolder());
    const databases = createAgentDatabases({
      folder: () => folder,
      migrations: 'migrations' in options ? options.migrations : STOCK,
      limits: resolveLimits(limits),
      clock,
      resources,
      ...(options.folder === undefined ? { afterClose: () => rm(folder, { recursive: true, force: true }) } : {}),
    });
    return new DataHouse(databases, resources, folder);
  }

  session(user: string): DatabaseSessionManager {
    return new DatabaseSessionManager(
      UserExecutionContext.fromRequest({ userId: user, threadId: 't1', runId: 'r1' }),
      this.databases,
    );
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.databases.close();
  }
}

export function temporaryFolder(): Promise<string> {
  return mkdtemp(join(tmpdir(), 'enginehouse-data-'));
}
