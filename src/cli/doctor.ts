import { loadApplication, type Application, type ApplicationOptions } from './application.ts';
import { resolveConfig, type ResolvedConfig } from '../startup/resolve-config.ts';
import { checkAddress } from './doctor/check-address.ts';
import { checkFolder } from './doctor/check-folder.ts';
import { checkNode } from './doctor/check-node.ts';
import { checkStore } from './doctor/check-store.ts';
import { finding, failure, type Finding } from './doctor/finding.ts';
import { plain, yieldLine } from './output.ts';
import { withAddress, type AddressOptions } from './server-address.ts';

export interface DoctorOptions extends ApplicationOptions, AddressOptions {
  readonly json?: boolean;
  /** Only the SQL that cures, for `psql`. */
  readonly sql?: boolean;
}

/** Looks for what would keep the server from starting. It leaves nothing behind. */
export async function doctor(options: DoctorOptions): Promise<number> {
  let failed = false;
  for await (const found of examine(options)) {
    failed ||= found.status === 'fail';
    if (options.sql === true) yieldSql(found);
    else if (options.json === true) yieldLine(JSON.stringify(found));
    else for (const line of lines(found)) yieldLine(line);
  }
  return failed ? 1 : 0;
}

async function* examine(options: DoctorOptions): AsyncGenerator<Finding> {
  yield checkNode();
  const { config, found } = await configuration(options);
  yield found;
  const { store, limits } = config;
  if (store.kind === 'postgres') {
    // Loaded where it is used, as the store itself is.
    const { checkDatabase } = await import('./doctor/check-database.ts');
    yield* checkDatabase({ store, limits, migrations: config.migrations });
  } else {
    yield* checkFolder(store.path);
    yield* checkStore(store, limits);
  }
  yield* checkAddress(config);
}

/** With a configuration that does not load the rest is examined with the defaults. */
async function configuration(
  options: DoctorOptions,
): Promise<{ readonly config: ResolvedConfig; readonly found: Finding }> {
  try {
    const application = await loadApplication(options);
    const config = resolveConfig(withAddress(application.config, options), application.env);
    return { config, found: agentsOf(application, config) };
  } catch (error) {
    const store = options.data === undefined ? {} : { store: { path: options.data } };
    return {
      config: resolveConfig(withAddress({ agents: [], ...store }, options), {}),
      found: failure('configuration', error),
    };
  }
}

function agentsOf({ file }: Application, { agents }: ResolvedConfig): Finding {
  const from = file ?? 'no enginehouse.config.ts here or above, so the shipped agents run';
  if (agents.length === 0)
    return finding('warn', 'configuration', `${from}: it has no agents`, 'Add agents: [defineAgent({ … })].');
  return finding('ok', 'configuration', `${from}: ${agents.map(({ name }) => name).join(', ')}`);
}

/** SQL that is longer than this helps nobody who reads. */
const SHOWN_SQL_LENGTH = 400;

function lines({ status, name, says, cure, sql }: Finding): string[] {
  const line = `${status.padEnd(4)}  ${name.padEnd(13)}  ${plain(says)}`;
  if (cure === undefined) return [line];
  return [line, `${' '.repeat(21)}cure: ${plain(cure)}${sql === undefined ? '' : ` ${shownSql(sql)}`}`];
}

function shownSql(sql: string): string {
  if (sql.length <= SHOWN_SQL_LENGTH) return plain(sql);
  return `what \`enginehouse doctor --sql\` prints, ${sql.length} characters`;
}

function yieldSql({ says, sql }: Finding): void {
  if (sql !== undefined) yieldLine(`-- ${plain(says)}\n${sql}`);
}
