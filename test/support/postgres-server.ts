/** Holds the server of the tests on PostgreSQL for a whole run, and says which one it is. */

import { testPostgres } from '../../src/testing/postgres/test-postgres.ts';

export async function setup(): Promise<() => Promise<void>> {
  const { version, source, release } = await testPostgres();
  console.log(`tests on PostgreSQL use ${version} (${source === 'DATABASE_URL' ? source : `private, ${source}`})`);
  return release;
}
