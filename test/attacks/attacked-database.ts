import { Client } from 'pg';

import { planMigrations } from '../../src/store/database/migration-plan.ts';
import { deriveFrom, ownerText, type Derived } from '../../src/store/postgres/layout.ts';
import { provision, type ReadyDatabase } from '../../src/store/postgres/provision.ts';
import { plainRole } from '../support/plain-role.ts';
import { freshDatabase } from '../support/postgres-database.ts';
import { BOB } from './people.ts';
import { makeByHand, seedData, seedSystem } from './seed.ts';
import { SHOP } from './shop.ts';

/** Made by a superuser and ours alone, or made by its plain owner beside a table of somebody else. */
export type Kind = 'ours' | 'shared';

const DATA = ['enginehouse_data.stock', 'enginehouse_data.orders', 'enginehouse_data.audit'];
const LOG = ['threads', 'runs', 'states', 'events', 'commands', 'artifacts', 'pieces'].map(
  (name) => `enginehouse.${name}`,
);

/** A database with rows of everybody in every table. */
export class AttackedDatabase implements AsyncDisposable {
  readonly ready: ReadyDatabase;
  readonly derived: Derived;
  /** As the superuser. */
  readonly url: string;
  readonly root: Client;
  readonly #owned: AsyncDisposableStack;

  private constructor(
    ready: ReadyDatabase,
    url: string,
    { root, owned }: { root: Client; owned: AsyncDisposableStack },
  ) {
    this.ready = ready;
    this.derived = deriveFrom(ready.secret);
    this.url = url;
    this.root = root;
    this.#owned = owned;
  }

  static async make(kind: Kind = 'ours'): Promise<AttackedDatabase> {
    await using made = new AsyncDisposableStack();
    const plain = kind === 'shared' ? made.use(await plainRole()) : undefined;
    const fresh = made.use(await freshDatabase());
    const { client: root } = made.use(await session(fresh.url));
    if (kind === 'shared') await root.query('CREATE TABLE public.theirs (a text)');
    const url = plain === undefined ? fresh.url : await plain.take(fresh);
    const ready = await provision({ url }, planMigrations(SHOP, 'postgres'));
    await makeByHand(root, ready.roles);
    await seedData(root);
    await seedSystem(root);
    return new AttackedDatabase(ready, fresh.url, { root, owned: made.move() });
  }

  /** The rows of all but Bob, as text. */
  async victims(): Promise<string> {
    const seen: unknown[] = [];
    for (const table of [...DATA, ...LOG]) {
      const owner = DATA.includes(table) ? 'enginehouse_owner' : 'owner';
      const text = `SELECT t::text AS row FROM ${table} t WHERE ${owner} <> $1 ORDER BY 1`;
      seen.push(table, (await this.root.query(text, [ownerText(BOB)])).rows);
    }
    return JSON.stringify(seen);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#owned.disposeAsync();
  }
}

export async function session(url: string): Promise<{ readonly client: Client } & AsyncDisposable> {
  const client = new Client({ connectionString: url });
  // A connection that is ended from outside is told to the statement under way.
  client.on('error', () => undefined);
  await client.connect();
  return { client, [Symbol.asyncDispose]: () => client.end() };
}
