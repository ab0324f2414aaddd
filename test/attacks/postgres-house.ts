import { randomUUID } from 'node:crypto';

import { Client, DatabaseError, escapeIdentifier, type QueryConfig } from 'pg';

import type { Owner } from '../../src/context/ids.ts';
import { planMigrations } from '../../src/store/database/migration-plan.ts';
import { deriveFrom, ownerText, PRINCIPAL_SETTING, type Derived, type Roles } from '../../src/store/postgres/layout.ts';
import { signPrincipal } from '../../src/store/postgres/principal.ts';
import { provision } from '../../src/store/postgres/provision.ts';
import { urlAs } from '../../src/store/postgres/target.ts';
import { testPostgres, type TestPostgres } from '../../src/testing/postgres/test-postgres.ts';
import type { Actor, House, Outcome, Where } from './attack.ts';
import { refill } from './door-house.ts';
import { ADA, BOB } from './people.ts';
import { SHOP } from './shop.ts';
import { makeByHand, seedData, seedSystem } from './seed.ts';

const PRINCIPAL_MS = 300_000;
const STATEMENT_TIMEOUT_MS = 5_000;

/** A database of its own on a real server, provisioned and seeded. */
export class AttackedDatabase implements AsyncDisposable {
  readonly url: string;
  readonly roles: Roles;
  readonly secret: string;
  readonly derived: Derived;
  readonly root: Client;
  readonly #postgres: TestPostgres;

  constructor(postgres: TestPostgres, made: { url: string; roles: Roles; secret: string }, root: Client) {
    this.#postgres = postgres;
    this.url = made.url;
    this.roles = made.roles;
    this.secret = made.secret;
    this.derived = deriveFrom(made.secret);
    this.root = root;
  }

  /** Ours alone and made by a superuser, or made by its plain owner beside somebody else's tables. */
  static async make(kind: 'ours' | 'shared' = 'ours'): Promise<AttackedDatabase> {
    const postgres = await testPostgres();
    const name = `attacked_${randomUUID().slice(0, 8)}`;
    const url = postgres.urlOf(name);
    await using admin = await session(postgres.adminUrl);
    await admin.client.query(`CREATE DATABASE ${escapeIdentifier(name)}`);
    const { client: root } = await session(url);
    const maker = kind === 'ours' ? url : await makeOwner(root, { name, url });
    const made = await provision({ url: maker }, planMigrations(SHOP, 'postgres'));
    await makeByHand(root, made.roles);
    await seedData(root);
    await seedSystem(root);
    return new AttackedDatabase(postgres, { ...made, url }, root);
  }

  async victims(): Promise<string> {
    const tables = [
      'data.stock',
      'data.orders',
      '.threads',
      '.runs',
      '.states',
      '.events',
      '.commands',
      '.artifacts',
      '.pieces',
    ];
    const seen: unknown[] = [];
    for (const table of tables.map((name) => `enginehouse${name.startsWith('.') ? name : `_${name}`}`)) {
      const owner = table.startsWith('enginehouse_data') ? 'enginehouse_owner' : 'owner';
      const { rows } = await this.root.query(`SELECT t::text AS row FROM ${table} t WHERE ${owner} <> $1 ORDER BY 1`, [
        ownerText(BOB),
      ]);
      seen.push(table, rows);
    }
    return JSON.stringify(seen);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.root.end();
    await using admin = await session(this.#postgres.adminUrl);
    const database = new URL(this.url).pathname.slice(1);
    await admin.client.query(`DROP DATABASE ${escapeIdentifier(database)} WITH (FORCE)`);
    for (const role of [...Object.values(this.roles), `${database}_admin`]) {
      await admin.client.query(`DROP ROLE IF EXISTS ${escapeIdentifier(role)}`);
    }
    await this.#postgres.release();
  }
}

/** A role that may make roles and owns the database, which has a table of somebody else. */
async function makeOwner(
  root: Client,
  { name, url }: { readonly name: string; readonly url: string },
): Promise<string> {
  const admin = `${name}_admin`;
  const password = randomUUID();
  await root.query(`
    CREATE ROLE ${admin} LOGIN CREATEROLE PASSWORD '${password}';
    ALTER DATABASE ${name} OWNER TO ${admin};
    CREATE TABLE public.theirs (a text)`);
  return urlAs(url, admin, password);
}

/** One connection as a login of ours, which serves everybody in turn, as one of a pool does. */
export class LoginHouse implements House {
  readonly where: Where;
  readonly database: AttackedDatabase;
  readonly ada: Actor;
  readonly bob: Actor;
  readonly unguarded: Actor;
  readonly root: Actor;
  readonly #heard: string[] = [];
  #client: Client | undefined;

  constructor(where: 'agent login' | 'system login', database: AttackedDatabase) {
    this.where = where;
    this.database = database;
    this.ada = this.#actor(ADA);
    this.bob = this.#actor(BOB);
    this.unguarded = this.ada;
    this.root = rootOf(database);
  }

  async refill(): Promise<void> {
    if (this.where === 'agent login') await refill(this.bob);
  }

  victims(): Promise<string> {
    return this.database.victims();
  }

  get roles(): Roles {
    return this.database.roles;
  }

  principal(of: 'ada' | 'bob', expired = false): string {
    const until = Date.now() + (expired ? -PRINCIPAL_MS : PRINCIPAL_MS);
    return signPrincipal(this.database.derived.principalKey, until, of === 'ada' ? ADA : BOB);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#client?.end();
    await this.database[Symbol.asyncDispose]();
  }

  #actor(owner: Owner): Actor {
    const run = async (ending: 'COMMIT' | 'ROLLBACK', said: readonly string[]): Promise<Outcome> => {
      const client = (this.#client ??= await this.#connect());
      this.#heard.length = 0;
      const principal = signPrincipal(this.database.derived.principalKey, Date.now() + PRINCIPAL_MS, owner);
      await client.query('BEGIN');
      await client.query(`SELECT set_config('${PRINCIPAL_SETTING}', $1, true)`, [principal]);
      await client.query(`SET LOCAL statement_timeout = ${STATEMENT_TIMEOUT_MS}`);
      const { rows, refusal } = await runAll(client, said);
      if (refusal?.code.startsWith('57P') === true) this.#client = undefined;
      else await endTurn(client, refusal === undefined ? ending : 'ROLLBACK');
      return { rows, refusal, heard: [...this.#heard] };
    };
    return { says: (...said) => run('COMMIT', said), rehearses: (...said) => run('ROLLBACK', said) };
  }

  async #connect(): Promise<Client> {
    const { roles, derived, url } = this.database;
    const [role, password] =
      this.where === 'agent login' ? [roles.agent, derived.agentPassword] : [roles.system, derived.systemPassword];
    const { client } = await session(urlAs(url, role, password));
    client.on('notice', (notice) => this.#heard.push(JSON.stringify({ ...notice, text: notice.message })));
    client.on('notification', (message) => this.#heard.push(JSON.stringify(message)));
    return client;
  }
}

async function endTurn(client: Client, ending: 'COMMIT' | 'ROLLBACK'): Promise<void> {
  await client.query(ending);
  await client.query('DISCARD ALL');
}

/** A superuser, each time on a session of its own that is not tidied. */
function rootOf({ url }: AttackedDatabase): Actor {
  const run = async (ending: string, said: readonly string[]): Promise<Outcome> => {
    await using own = await session(url);
    await own.client.query('SET search_path = enginehouse_data, enginehouse, pg_temp');
    await own.client.query('BEGIN');
    const outcome = await runAll(own.client, said);
    await own.client.query(ending);
    return { ...outcome, heard: [] };
  };
  return { says: (...said) => run('COMMIT', said), rehearses: (...said) => run('ROLLBACK', said) };
}

/** What pg knows and its types do not. */
interface OneStatement extends QueryConfig {
  readonly queryMode: 'extended';
}

async function runAll(client: Client, said: readonly string[]): Promise<Omit<Outcome, 'heard'>> {
  const rows: unknown[][] = [];
  try {
    for (const text of said) {
      // One statement per message, as a door sends them.
      const query: OneStatement = { text, queryMode: 'extended' };
      const { rows: got } = await client.query<Record<string, unknown>>(query);
      rows.push(got);
    }
    return { rows, refusal: undefined };
  } catch (error) {
    if (!(error instanceof DatabaseError)) throw error;
    return { rows, refusal: { ...error, code: error.code ?? '', message: error.message } };
  }
}

async function session(url: string): Promise<{ readonly client: Client } & AsyncDisposable> {
  const client = new Client({ connectionString: url });
  // A connection that is ended from outside is told to the statement under way.
  client.on('error', () => undefined);
  await client.connect();
  return { client, [Symbol.asyncDispose]: () => client.end() };
}
