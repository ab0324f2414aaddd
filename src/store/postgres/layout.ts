/**
 * Where Enginehouse is in a PostgreSQL database, and as whom it comes.
 *
 *   L1. The system's tables and the application's are in a schema each; nothing
 *       else of the database is touched.
 *   L2. Three roles, none of which can pass row-level security: one owns the
 *       tables and cannot log in, one keeps the log, one runs the application's
 *       SQL. The last two cannot become each other.
 *   L3. Everything secret is derived from one secret per database.
 */

import { createHmac } from 'node:crypto';

import type { Owner } from '../../context/ids.ts';

/** The schema of the system's own tables. */
export const SYSTEM_SCHEMA = 'enginehouse';

/** The schema of the application's tables. */
export const DATA_SCHEMA = 'enginehouse_data';

/** The column that says whose a row of an application's table is. */
export const OWNER_COLUMN = 'enginehouse_owner';

/** The setting that carries the principal of a transaction. */
export const PRINCIPAL_SETTING = 'enginehouse.principal';

export interface Roles {
  /** Owns both schemas and all that is in them. */
  readonly owner: string;
  /** Logs in to keep the log. */
  readonly system: string;
  /** Logs in to run the application's SQL. */
  readonly agent: string;
}

// PostgreSQL cuts names at 63 bytes, without a word.
const PREFIX_BYTES = 50;

/** The roles of a database that was first migrated under the name `database`. */
export function rolesFor(database: string): Roles {
  const prefix = Buffer.from(database)
    .subarray(0, PREFIX_BYTES)
    .toString()
    .replace(/\uFFFD+$/, '');
  return { owner: `${prefix}_owner`, system: `${prefix}_system`, agent: `${prefix}_agent` };
}

export interface Derived {
  readonly systemPassword: string;
  readonly agentPassword: string;
  /** Signs principals; 32 bytes. */
  readonly principalKey: Buffer;
}

/** What is made of a database's secret. */
export function deriveFrom(secret: string): Derived {
  return {
    systemPassword: derive(secret, 'system password').toString('base64url'),
    agentPassword: derive(secret, 'agent password').toString('base64url'),
    principalKey: derive(secret, 'principal'),
  };
}

function derive(secret: string, purpose: string): Buffer {
  return createHmac('sha256', secret).update(`enginehouse ${purpose}`).digest();
}

/** An owner as one text, for a column; a person can read it, and no two owners share one. */
export function ownerText({ tenantId, userId }: Owner): string {
  return JSON.stringify([tenantId, userId]);
}
