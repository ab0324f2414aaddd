import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { systemClock, type Clock } from '../../src/base/clock.ts';
import { ResourceRegistry } from '../../src/base/resource-registry.ts';
import { DEFAULT_TENANT, userId, type Owner, type TenantId } from '../../src/context/ids.ts';
import type { LimitOptions } from '../../src/context/limits.ts';
import { resolveLimits } from '../../src/context/resolve-limits.ts';
import { UserExecutionContext } from '../../src/context/user-execution-context.ts';
import { DatabaseSessionManager, type AgentDatabases } from '../../src/event/database-session-manager.ts';
import type { Migrations, Seed } from '../../src/event/migrations.ts';
import { createAgentDatabases } from '../../src/store/database/create-agent-databases.ts';

export const STOCK: Migrations = {
  '001_stock': 'CREATE TABLE stock (sku TEXT PRIMARY KEY, count INTEGER NOT NULL CHECK (count >= 0))',
};

export interface DataHouseOptions {
  /** @default STOCK */
  readonly migrations?: Migrations | undefined;
  readonly seed?: Seed | undefined;
  readonly limits?: LimitOptions;
  readonly clock?: Clock;
  /** On PostgreSQL: whose rows it sees. @default one of its own */
  readonly tenant?: string;
  /** A folder that outlives this house. @default one of its own, taken away with it */
  readonly folder?: string;
}

export function owner(user: string, tenant: TenantId = DEFAULT_TENANT): Owner {
  return { tenantId: tenant, userId: userId(user) };
}

/** The users' databases of one runtime, with the door that an engine has. */
export class DataHouse implements AsyncDisposable {
  readonly databases: AgentDatabases;
  readonly resources: ResourceRegistry;
  readonly folder: string;
  readonly #tenant: TenantId;

  constructor(databases: AgentDatabases, resources: ResourceRegistry, folder: string, tenant = DEFAULT_TENANT) {
    this.databases = databases;
    this.resources = resources;
    this.folder = folder;
    this.#tenant = tenant;
  }

  static async open(options: DataHouseOptions = {}): Promise<DataHouse> {
    const { clock = systemClock, limits } = options;
    const resources = new ResourceRegistry();
    const folder = options.folder ?? (await temporaryFolder());
    const databases = createAgentDatabases({
      folder: () => folder,
      migrations: 'migrations' in options ? options.migrations : STOCK,
      seed: options.seed,
      limits: resolveLimits(limits),
      clock,
      resources,
      ...(options.folder === undefined ? { afterClose: () => rm(folder, { recursive: true, force: true }) } : {}),
    });
    return new DataHouse(databases, resources, folder);
  }

  owner(user: string): Owner {
    return owner(user, this.#tenant);
  }

  session(user: string): DatabaseSessionManager {
    return new DatabaseSessionManager(
      UserExecutionContext.fromRequest({ tenantId: this.#tenant, userId: user, threadId: 't1', runId: 'r1' }),
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
