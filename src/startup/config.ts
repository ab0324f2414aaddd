/**
 * What an application says of itself, in `enginehouse.config.ts`. Everything
 * has a default but the agents. Unknown keys are errors.
 */

import type { AgentDefinition } from '../agent/define-agent.ts';
import type { Clock } from '../base/clock.ts';
import type { Ids } from '../base/ids.ts';
import type { TenantId } from '../context/ids.ts';
import type { LimitOptions } from '../context/limits.ts';
import type { AgentDatabases } from '../event/database-session-manager.ts';
import type { Migrations, Seed } from '../event/migrations.ts';
import type { Store } from '../event/store.ts';
import type { AuthOptions } from '../server/resolve-auth.ts';

export interface EnginehouseConfig {
  readonly agents: readonly AgentDefinition[];
  /** The application's own tables, one set per user. */
  readonly database?: DatabaseOptions | undefined;
  readonly store?: StoreOptions | undefined;
  readonly auth?: AuthOptions | undefined;
  readonly server?: ServerOptions | undefined;
  /** Every limit has a default; docs/limits.md lists them. */
  readonly limits?: LimitOptions | undefined;
  /** Lines of JSON on standard error. @default 'info', or ENGINEHOUSE_LOG */
  readonly log?: LogLevel | undefined;
}

export interface DatabaseOptions {
  readonly migrations: Migrations;
  /** What each user's tables hold at first: runs once per user, before the user's first transaction. */
  readonly seed?: Seed | undefined;
}

export type LogLevel = 'silent' | 'error' | 'warn' | 'info' | 'debug';

export interface StoreOptions {
  /**
   * A PostgreSQL database, `postgres://user:password@host:port/database`: the log and the application's tables are there.
   * Its role must be allowed to migrate, unless `secret` is given. It goes before `path`, but not before ':memory:'.
   *
   * @default DATABASE_URL, or none
   */
  readonly url?: string | undefined;
  /** The secret of a database that `enginehouse database migrate` made ready; at least 32 characters. @default ENGINEHOUSE_DATABASE_SECRET, or one that the database keeps */
  readonly secret?: string | undefined;
  /** What the names of the database's three roles begin with. @default ENGINEHOUSE_DATABASE_ROLES, or the database's name */
  readonly rolePrefix?: string | undefined;
  /** False where a pooler stands before PostgreSQL that keeps no prepared statements. @default true, or ENGINEHOUSE_DATABASE_PREPARE */
  readonly prepare?: boolean | undefined;
  /** The data folder, or ':memory:', which is for tests. @default './.enginehouse', or ENGINEHOUSE_DATA */
  readonly path?: string | undefined;
  /** The most bytes that the log's file may have; past it appends fail with STORE_FULL until there is room. @default no limit but the disk's */
  readonly maxBytes?: number | undefined;
}

export interface ServerOptions {
  /** @default '127.0.0.1', or HOST */
  readonly host?: string | undefined;
  /** 0 takes a free one. @default 4100, or PORT */
  readonly port?: number | undefined;
  /** Values of the Host header that are served beside the address itself. */
  readonly allowedHosts?: readonly string[] | undefined;
  /** False: no server of our own; `runtime.attach(httpServer)` puts the doors on an existing one. @default true */
  readonly listen?: boolean | undefined;
}

/** What a test may replace, and nothing else. A production entry passes none. */
export interface Seams {
  readonly clock?: Clock | undefined;
  readonly ids?: Ids | undefined;
  /** Keep where each resource was opened. */
  readonly keepOrigins?: boolean | undefined;
  /** On PostgreSQL: one of many runtimes on a database, each with a tenant of its own. */
  readonly tenant?: TenantId | undefined;
  /** Stands around the real store: sees its calls, and may let one fail. */
  readonly aroundStore?: ((store: Store) => Store) | undefined;
  /** Stands around the real databases of the application's tables. */
  readonly aroundDatabases?: ((databases: AgentDatabases) => AgentDatabases) | undefined;
  /** Gets every line of the log, of every level, whatever `log` says. */
  readonly logLine?: ((line: string) => void) | undefined;
}

/** Says that an object is a configuration, and checks its shape in the editor. */
export function defineConfig(config: EnginehouseConfig): EnginehouseConfig {
  return config;
}
