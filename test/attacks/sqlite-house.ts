import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

import { ownerKey } from '../../src/context/ids.ts';
import { DataHouse } from '../support/data-house.ts';
import type { Actor, House, Outcome } from './attack.ts';
import { refill, throughDoor } from './door-house.ts';
import { ADA, BOB, OTHER_BOB } from './people.ts';
import { SHOP } from './shop.ts';

const LOOK = ['SELECT * FROM stock ORDER BY sku', 'SELECT * FROM orders ORDER BY id', 'SELECT * FROM audit'];

/** The door of SQLite, and rows of everybody behind it. */
export class SqliteHouse implements House {
  readonly where = 'sqlite';
  readonly fileOfAda: string;
  readonly ada: Actor;
  readonly bob: Actor;
  readonly root = inMemory();
  readonly #other: Actor;
  readonly #house: DataHouse;

  private constructor(house: DataHouse) {
    this.#house = house;
    const digest = createHash('sha256').update(ownerKey(ADA)).digest('hex');
    this.fileOfAda = join(house.folder, 'users', `${digest}.sqlite`);
    this.ada = throughDoor(house.databases, ADA);
    this.bob = throughDoor(house.databases, BOB);
    this.#other = throughDoor(house.databases, OTHER_BOB);
  }

  static async open(): Promise<SqliteHouse> {
    const limits = { statementTimeoutMs: 1_000 };
    const house = new SqliteHouse(await DataHouse.open({ migrations: SHOP, limits }));
    for (const victim of [house.ada, house.#other]) {
      await victim.says(
        "INSERT INTO stock VALUES ('canary-otter', 7, 'note of canary'), ('canary-swan', 7, 'note of canary')",
        "INSERT INTO orders VALUES (1, 'canary-otter', 43)",
      );
    }
    return house;
  }

  get unguarded(): Actor {
    return this.ada;
  }

  refill(): Promise<void> {
    return refill(this.bob);
  }

  async victims(): Promise<string> {
    return JSON.stringify([await this.ada.says(...LOOK), await this.#other.says(...LOOK)]);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#house[Symbol.asyncDispose]();
  }
}

/** A database that nothing confines, anew each time. */
function inMemory(): Actor {
  const run = async (said: readonly string[]): Promise<Outcome> => {
    using database = new DatabaseSync(':memory:');
    return { rows: said.map((text) => database.prepare(text).all()), refusal: undefined, heard: [] };
  };
  return { says: (...said) => run(said), rehearses: (...said) => run(said) };
}
