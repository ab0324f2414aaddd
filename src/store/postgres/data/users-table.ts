import { DATA_SCHEMA, OWNER_COLUMN } from '../layout.ts';

/** A row per user who was here: noted in it, that the seed ran; locked by it, the user's one writer. */
export const USERS = 'enginehouse_users';

export const OWNER_TYPE = `text COLLATE "C" NOT NULL DEFAULT enginehouse.claimed_owner()`;

export const USERS_TABLE = `
  CREATE TABLE IF NOT EXISTS ${USERS} (${OWNER_COLUMN} ${OWNER_TYPE}, seeded_at timestamptz, PRIMARY KEY (${OWNER_COLUMN}))`;

/** Makes the user's row. Waits for a transaction that makes it. */
export const INTRODUCE = `INSERT INTO ${DATA_SCHEMA}.${USERS} DEFAULT VALUES ON CONFLICT DO NOTHING`;

/** A row when the seed did not run. */
export const DUE = `SELECT 1 FROM ${DATA_SCHEMA}.${USERS} WHERE seeded_at IS NULL FOR UPDATE`;

export const SEEDED = `UPDATE ${DATA_SCHEMA}.${USERS} SET seeded_at = pg_catalog.clock_timestamp()`;
