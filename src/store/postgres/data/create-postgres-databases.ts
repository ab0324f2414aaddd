/**
 * The users' tables of one runtime in PostgreSQL: tables that all users share,
 * where a transaction sees the rows of its own user and nobody else's.
 *
 *   P1. Whose rows a transaction sees is decided by the database, from a
 *       principal that SQL cannot say for itself.
 *   P2. As on SQLite, a user has one writer at a time, in whatever process, and
 *       readers beside it: what a transaction read still holds when it writes.
 *   P3. A user's first transaction is preceded by one that notes the user and
 *       seeds their tables.
 *   P4. After `close`, no transaction runs and no connection is open.
 */

import type { Kysely } from 'kysely';

import { systemClock, type Clock } from '../../../base/clock.ts';
import { isEnginehouseError } from '../../../base/errors.ts';
import type { LinkedSignal } from '../../../base/linked-signal.ts';
import type { ResourceRegistry } from '../../../base/resource-registry.ts';
import type { Owner } from '../../../context/ids.ts';
import type { Limits } from '../../../context/limits.ts';
import type { AgentDatabases, TransactionOptions } from '../../../event/database-session-manager.ts';
import type { Migrations, MigrationScript, Seed } from '../../../event/migrations.ts';
import { Admission, notConfigured } from '../../database/admission.ts';
import { runTransaction } from '../../database/run-transaction.ts';
import { runScript, scriptReason, seedFailed, seedFor } from '../../database/seed.ts';
import type { Session } from '../../database/session.ts';
import { deriveFrom, ownerText } from '../layout.ts';
import { signPrincipal } from '../principal.ts';
import type { ReadyDatabase } from '../provision.ts';
import { urlAs } from '../target.ts';
import { AgentConnections } from './agent-connections.ts';
import { forgetRows } from './forget-rows.ts';
import { POSTGRES } from './language.ts';
import { PostgresTransaction } from './postgres-transaction.ts';
import { DUE, INTRODUCE, SEEDED } from './users-table.ts';

export interface PostgresDatabasesOptions {
  readonly database: ReadyDatabase;
  /** The application's tables. Without them every transaction is refused. */
  readonly migrations: Migrations | undefined;
  /** What each user's tables hold at first. */
  readonly seed?: Seed | undefined;
  readonly limits: Pick<
    Limits,
    'databaseWorkers' | 'databaseWaiting' | 'databaseResultBytes' | 'statementTimeoutMs' | 'transactionTimeoutMs'
  >;
  readonly clock: Clock;
  readonly resources: ResourceRegistry;
}

/** Tables of a database that is ready, shared by users and kept apart. Opens nothing until it is used; the caller closes it. */
export function createPostgresDatabases(options: PostgresDatabasesOptions): AgentDatabases {
  return new PostgresAgentDatabases(options);
}

/** A principal outlives its transaction by so much: clocks drift, and servers stop for a moment. */
const PRINCIPAL_SLACK_MS = 240_000;
// Users known to be seeded. Forgetting one costs a look at their row.
const KNOWN_USERS = 10_000;

class PostgresAgentDatabases implements AgentDatabases {
  readonly #options: PostgresDatabasesOptions;
  readonly #admission: Admission;
  readonly #connections: AgentConnections;
  readonly #key: Uint8Array;
  readonly #known = new Set<string>();
  #seed: { readonly script: MigrationScript | undefined } | undefined;
  #closing: Promise<void> | undefined;

  constructor(options: PostgresDatabasesOptions) {
    const { database, limits, resources } = options;
    const { agentPassword, principalKey } = deriveFrom(database.secret);
    this.#options = options;
    this.#admission = new Admission(options);
    this.#key = principalKey;
    this.#connections = new AgentConnections({
      url: urlAs(database.url, database.roles.agent, agentPassword),
      most: limits.databaseWorkers,
      timeoutMs: limits.statementTimeoutMs,
      resources,
    });
  }

  async transaction<T>(
    owner: Owner,
    run: (session: Kysely<never>) => Promise<T>,
    { readOnly = false, signal }: TransactionOptions,
  ): Promise<T> {
    signal?.throwIfAborted();
    const seed = this.#decideSeed();
    return this.#admission.admit(signal, async (link) => {
      const key = ownerText(owner);
      // Before a user's first transaction their tables may have to be seeded, whatever it is for.
      const beside = readOnly && this.#known.has(key);
      using _turn = await this.#admission.turn({ key, beside }, link);
      if (!this.#known.has(key)) await this.#introduce(owner, seed, link);
      return await this.#run(this.#port(owner, readOnly), ({ db }) => run(db), link);
    });
  }

  async forget(owner: Owner): Promise<void> {
    await this.#admission.admit(undefined, async (link) => {
      const key = ownerText(owner);
      using _turn = await this.#admission.turn({ key, beside: false }, link);
      this.#known.delete(key);
      const port = this.#port(owner, false);
      await this.#run(port, () => forgetRows(port), link);
    });
  }

  close(): Promise<void> {
    return (this.#closing ??= this.#shut());
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #shut(): Promise<void> {
    await this.#admission.close();
    await this.#connections[Symbol.asyncDispose]();
  }

  /** Makes the user's row, and seeds their tables where nobody did. It is the user's only writer meanwhile. */
  async #introduce(owner: Owner, seed: MigrationScript | undefined, link: LinkedSignal): Promise<void> {
    const port = this.#port(owner, false);
    const introduce = async (session: Session): Promise<void> => {
      await port.statement(INTRODUCE, []);
      const { rows } = await port.statement(DUE, []);
      if (seed === undefined || rows.length === 0) return;
      await this.#runSeed(seed, session, link);
      await port.statement(SEEDED, []);
    };
    await this.#run(port, introduce, link);
    if (this.#known.size >= KNOWN_USERS) this.#known.clear();
    this.#known.add(ownerText(owner));
  }

  async #runSeed(seed: MigrationScript, session: Session, { signal }: LinkedSignal): Promise<void> {
    try {
      await runScript(seed, session);
    } catch (error) {
      if (signal.aborted && error === signal.reason && !isEnginehouseError(error, 'DATABASE_TIMEOUT')) throw error;
      throw seedFailed(scriptReason(error), error);
    }
  }

  #run<T>(port: PostgresTransaction, work: (session: Session) => Promise<T>, link: LinkedSignal): Promise<T> {
    const { clock, limits } = this.#options;
    const { statementTimeoutMs, transactionTimeoutMs } = limits;
    const bounds = { clock, statementTimeoutMs, transactionTimeoutMs, link };
    return runTransaction({ port, language: POSTGRES, work }, bounds);
  }

  #port(owner: Owner, readOnly: boolean): PostgresTransaction {
    const { limits, clock } = this.#options;
    const lastsMs = limits.transactionTimeoutMs + PRINCIPAL_SLACK_MS;
    return new PostgresTransaction({
      connections: this.#connections,
      principal: (clockAhead) => signPrincipal(this.#key, systemClock.now() + clockAhead + lastsMs, owner),
      readOnly,
      limits,
      clock,
      strange: () => this.#known.delete(ownerText(owner)),
    });
  }

  #decideSeed(): MigrationScript | undefined {
    const { migrations, seed } = this.#options;
    if (migrations === undefined) throw notConfigured();
    return (this.#seed ??= { script: seedFor(seed, 'postgres') }).script;
  }
}
