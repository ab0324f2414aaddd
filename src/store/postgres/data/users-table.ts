import { escapeIdentifier } from 'pg';

import { DATA_SCHEMA, OWNER_COLUMN, SYSTEM_SCHEMA, type Roles } from '../layout.ts';

/** A row per user who was here, which notes that the seed ran. */
export const USERS = 'enginehouse_users';

export const OWNER_TYPE = `text COLLATE "C" NOT NULL DEFAULT ${SYSTEM_SCHEMA}.claimed_owner()`;

/**
 * What our own statements need beside the application's tables. Advisory locks
 * are not the agents' to take; this one is named by the principal.
 */
export function foundation(roles: Roles): string {
  const writeAlone = `${SYSTEM_SCHEMA}.write_alone()`;
  return `
    CREATE TABLE IF NOT EXISTS ${DATA_SCHEMA}.${USERS} (
      ${OWNER_COLUMN} ${OWNER_TYPE},
      seeded_at timestamptz,
      PRIMARY KEY (${OWNER_COLUMN})
    );
    -- Makes the transaction the user's only writer until it ends.
    CREATE OR REPLACE FUNCTION ${writeAlone} RETURNS void
    LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    BEGIN ATOMIC
      SELECT pg_advisory_xact_lock(hashtextextended((${SYSTEM_SCHEMA}.owners())[1], 0));
    END;
    REVOKE ALL ON FUNCTION ${writeAlone} FROM PUBLIC;
    GRANT EXECUTE ON FUNCTION ${writeAlone} TO ${escapeIdentifier(roles.agent)}`;
}

/** Waits for the user's writer, and says whether the user has their row. */
export const WRITE_ALONE = `SELECT ${SYSTEM_SCHEMA}.write_alone(), (SELECT 1 FROM ${DATA_SCHEMA}.${USERS}) AS known`;

/** Makes the user's row. */
export const INTRODUCE = `INSERT INTO ${DATA_SCHEMA}.${USERS} DEFAULT VALUES ON CONFLICT DO NOTHING`;

/** A row when the seed did not run. */
export const DUE = `SELECT 1 FROM ${DATA_SCHEMA}.${USERS} WHERE seeded_at IS NULL`;

export const SEEDED = `UPDATE ${DATA_SCHEMA}.${USERS} SET seeded_at = pg_catalog.clock_timestamp()`;
