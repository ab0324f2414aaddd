import { EnginehouseError } from '../base/errors.ts';
import { resolveConfig } from '../startup/resolve-config.ts';
import { shownUrl } from '../store/postgres/target.ts';
import { loadApplication, type ApplicationOptions } from './application.ts';
import { yieldLine } from './output.ts';

export interface DatabaseOptions extends Pick<ApplicationOptions, 'config'> {
  readonly json?: boolean;
}

/**
 * Makes the database of DATABASE_URL ready, as its role: roles, the system's tables, the application's. Where it is
 * ready already, the roles get their passwords and limits again. With ENGINEHOUSE_DATABASE_SECRET they are those of this
 * secret, which from then on is kept by the operator alone.
 */
export async function migrateDatabase(options: DatabaseOptions): Promise<number> {
  const { config, env } = await loadApplication(options);
  const { store, migrations = {} } = resolveConfig(config, env);
  if (store.kind === 'sqlite') {
    const message = 'there is no database to migrate: neither DATABASE_URL nor store.url is set';
    throw new EnginehouseError('CONFIG_INVALID', message, { option: 'store.url', received: undefined });
  }
  const { migrateNow } = await import('../store/postgres/index.ts');
  const { roles } = await migrateNow(store.target, migrations);
  const database = shownUrl(store.target.url);
  if (options.json === true)
    yieldLine(JSON.stringify({ database, roles, migrations: Object.keys(migrations).toSorted() }));
  else yieldLine(`${database} is ready; its runtimes log in as ${roles.system} and ${roles.agent}`);
  return 0;
}
