import { DatabaseError, type Client, type QueryConfig } from 'pg';

import type { Owner } from '../../src/context/ids.ts';
import { PRINCIPAL_SETTING, type Roles } from '../../src/store/postgres/layout.ts';
import { signPrincipal } from '../../src/store/postgres/principal.ts';
import { urlAs } from '../../src/store/postgres/target.ts';
import type { Actor, House, Outcome } from './attack.ts';
import { session, type AttackedDatabase } from './attacked-database.ts';
import { refill } from './door-house.ts';
import { ADA, BOB } from './people.ts';

const PRINCIPAL_MS = 300_000;
const STATEMENT_TIMEOUT_MS = 5_000;

/**
 * One connection as a login of ours, with no door before it. It serves everybody
 * in turn, as one of a pool does, and is cleaned in between.
 */
export class LoginHouse implements House {
  readonly where: 'agent login' | 'system login';
  readonly ada: Actor;
  readonly bob: Actor;
  readonly root: Actor;
  readonly #database: AttackedDatabase;
  readonly #heard: string[] = [];
  #client: Client | undefined;

  constructor(where: 'agent login' | 'system login', database: AttackedDatabase) {
    this.where = where;
    this.#database = database;
    this.ada = this.#actor(ADA);
    this.bob = this.#actor(BOB);
    this.root = rootOf(database);
  }

  get unguarded(): Actor {
    return this.ada;
  }

  get roles(): Roles {
    return this.#database.ready.roles;
  }

  principal(of: 'ada' | 'bob', expired = false): string {
    return this.#sign(of === 'ada' ? ADA : BOB, expired ? -PRINCIPAL_MS : PRINCIPAL_MS);
  }

  async refill(): Promise<void> {
    if (this.where === 'agent login') await refill(this.bob);
  }

  victims(): Promise<string> {
    return this.#database.victims();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#client?.end();
    await this.#database[Symbol.asyncDispose]();
  }

  #sign(owner: Owner, forMs: number): string {
    return signPrincipal(this.#database.derived.principalKey, Date.now() + forMs, owner);
  }

  #actor(owner: Owner): Actor {
    return {
      says: (...said) => this.#run(owner, 'COMMIT', said),
      rehearses: (...said) => this.#run(owner, 'ROLLBACK', said),
    };
  }

  async #run(owner: Owner, ending: 'COMMIT' | 'ROLLBACK', said: readonly string[]): Promise<Outcome> {
    const client = (this.#client ??= await this.#connect());
    this.#heard.length = 0;
    await client.query('BEGIN');
    await client.query(`SELECT set_config('${PRINCIPAL_SETTING}', $1, true)`, [this.#sign(owner, PRINCIPAL_MS)]);
    await client.query(`SET LOCAL statement_timeout = ${STATEMENT_TIMEOUT_MS}`);
    const { rows, refusal } = await runAll(client, said);
    await client.query(refusal === undefined ? ending : 'ROLLBACK');
    await client.query('DISCARD ALL');
    return { rows, refusal, heard: [...this.#heard] };
  }

  async #connect(): Promise<Client> {
    const { ready, derived, url } = this.#database;
    const { system, agent } = ready.roles;
    const [role, password] =
      this.where === 'agent login' ? [agent, derived.agentPassword] : [system, derived.systemPassword];
    const { client } = await session(urlAs(url, role, password));
    client.on('notice', (notice) => this.#heard.push(JSON.stringify(fieldsOf(notice))));
    client.on('notification', (message) => this.#heard.push(JSON.stringify(message)));
    return client;
  }
}

/** A superuser, each time on a session of its own that is not cleaned. */
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
      rows.push((await client.query<Record<string, unknown>>(query)).rows);
    }
    return { rows, refusal: undefined };
  } catch (error) {
    if (!(error instanceof DatabaseError)) throw error;
    return { rows, refusal: { ...fieldsOf(error), code: error.code ?? '' } };
  }
}

/** Everything that the server said with it: detail, hint, where. */
function fieldsOf(told: { readonly message: string | undefined }): Readonly<Record<string, unknown>> {
  return { ...Object.fromEntries(Object.entries(told)), message: told.message };
}
