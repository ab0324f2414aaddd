import { randomBytes } from 'node:crypto';

import { systemClock } from '../../src/base/clock.ts';
import { ResourceRegistry } from '../../src/base/resource-registry.ts';
import { tenantId } from '../../src/context/ids.ts';
import { resolveLimits } from '../../src/context/resolve-limits.ts';
import type { Migrations } from '../../src/event/migrations.ts';
import { planMigrations } from '../../src/store/database/migration-plan.ts';
import { createPostgresDatabases } from '../../src/store/postgres/data/create-postgres-databases.ts';
import { provision, type ReadyDatabase } from '../../src/store/postgres/provision.ts';
import { DataHouse, STOCK, type DataHouseOptions } from './data-house.ts';
import { freshDatabase } from './postgres-database.ts';

/** A PostgreSQL database for each set of migrations that is asked for; every house in it is a tenant of its own. */
export class PostgresDataHouses implements AsyncDisposable {
  readonly #owned = new AsyncDisposableStack();
  readonly #way: (url: string) => string;
  readonly #ready = new Map<Migrations, Promise<ReadyDatabase>>();

  /** @param way - from the server's URL to the one that is used: through a pooler */
  constructor(way: (url: string) => string = (url) => url) {
    this.#way = way;
  }

  async open(options: DataHouseOptions = {}): Promise<DataHouse> {
    const migrations = 'migrations' in options ? options.migrations : STOCK;
    const resources = new ResourceRegistry();
    const databases = createPostgresDatabases({
      database: await this.database(migrations),
      migrations,
      seed: options.seed,
      limits: resolveLimits(options.limits),
      clock: options.clock ?? systemClock,
      resources,
    });
    return new DataHouse(databases, resources, '', tenantId(options.tenant ?? randomBytes(6).toString('hex')));
  }

  /** The database with these tables, made when it is first asked for. */
  database(migrations: Migrations = STOCK): Promise<ReadyDatabase> {
    const known = this.#ready.get(migrations);
    if (known !== undefined) return known;
    const made = this.#make(migrations);
    this.#ready.set(migrations, made);
    return made;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#owned.disposeAsync();
  }

  async #make(migrations: Migrations): Promise<ReadyDatabase> {
    const { url } = this.#owned.use(await freshDatabase());
    return provision({ url: this.#way(url) }, planMigrations(migrations, 'postgres'));
  }
}
