import { randomBytes } from 'node:crypto';

import { testPostgres } from '../../src/testing/postgres/test-postgres.ts';
import { urlAs } from '../../src/store/postgres/target.ts';
import { asAdmin, type FreshDatabase } from './postgres-database.ts';

/** A role that may make roles and is no superuser, as those who rent a database have. */
export interface PlainRole extends AsyncDisposable {
  /** Makes it the owner of the database, and gives the URL with its login. */
  take(database: Pick<FreshDatabase, 'url' | 'name'>): Promise<string>;
}

/** Make it before the database that it takes, so that it outlives it. */
export async function plainRole(): Promise<PlainRole> {
  await using made = new AsyncDisposableStack();
  const { adminUrl } = made.use(await testPostgres());
  const word = randomBytes(6).toString('hex');
  const role = `enginehouse_test_plain_${word}`;
  await asAdmin(adminUrl, `CREATE ROLE ${role} LOGIN CREATEROLE PASSWORD '${word}'`);
  made.defer(async () => void (await asAdmin(adminUrl, `DROP ROLE ${role}`)));
  const owned = made.move();
  return {
    async take({ url, name }) {
      await asAdmin(adminUrl, `ALTER DATABASE ${name} OWNER TO ${role}`);
      return urlAs(url, role, word);
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}
