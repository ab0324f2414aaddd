/** What the root and the command line take of the PostgreSQL adapter. */

export { createPostgresDatabases } from './data/create-postgres-databases.ts';
export { openPostgresStore } from './open-postgres-store.ts';
export { existingDatabase, migrateNow, readyDatabase } from './ready-database.ts';
