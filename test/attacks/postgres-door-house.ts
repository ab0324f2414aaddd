import { systemClock } from '../../src/base/clock.ts';
import { ResourceRegistry } from '../../src/base/resource-registry.ts';
import { resolveLimits } from '../../src/context/resolve-limits.ts';
import type { AgentDatabases } from '../../src/event/database-session-manager.ts';
import { createPostgresDatabases } from '../../src/store/postgres/data/create-postgres-databases.ts';
import type { Roles } from '../../src/store/postgres/layout.ts';
import type { Actor, House } from './attack.ts';
import { refill, throughDoor } from './door-house.ts';
import { ADA, BOB } from './people.ts';
import { AttackedDatabase, type Kind } from './attacked-database.ts';
import { LoginHouse } from './login-house.ts';
import { SHOP } from './shop.ts';

/** One connection is behind it, so that everybody gets the same. */
export function openDoor(database: AttackedDatabase): AgentDatabases {
  return createPostgresDatabases({
    database: database.ready,
    migrations: SHOP,
    limits: resolveLimits({ databaseWorkers: 1, statementTimeoutMs: 2_000 }),
    clock: systemClock,
    resources: new ResourceRegistry(),
  });
}

/** The door that agents have. */
export class PostgresDoorHouse implements House {
  readonly where = 'door';
  readonly ada: Actor;
  readonly bob: Actor;
  readonly #login: LoginHouse;
  readonly #databases: AgentDatabases;

  constructor(login: LoginHouse, databases: AgentDatabases) {
    this.#login = login;
    this.#databases = databases;
    this.ada = throughDoor(databases, ADA);
    this.bob = throughDoor(databases, BOB);
  }

  static async open(kind: Kind): Promise<PostgresDoorHouse> {
    const database = await AttackedDatabase.make(kind);
    return new PostgresDoorHouse(new LoginHouse('agent login', database), openDoor(database));
  }

  get unguarded(): Actor {
    return this.#login.ada;
  }

  get root(): Actor {
    return this.#login.root;
  }

  get roles(): Roles {
    return this.#login.roles;
  }

  principal(of: 'ada' | 'bob', expired = false): string {
    return this.#login.principal(of, expired);
  }

  refill(): Promise<void> {
    return refill(this.bob);
  }

  victims(): Promise<string> {
    return this.#login.victims();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#databases.close();
    await this.#login[Symbol.asyncDispose]();
  }
}
