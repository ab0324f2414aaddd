/**
 * What would keep a runtime from starting on a PostgreSQL database, and what
 * would let it lose or leak something there.
 *
 *   K1. Nothing is changed: every question is asked in a transaction that only reads.
 *   K2. It is asked as whoever the runtime comes as: the role of the URL, or, with
 *       a secret, the login of the log. Where that login is refused, the role of
 *       the URL tells what it can.
 *   K3. A question that fails is a finding; the rest are asked all the same.
 */

import type { ResolvedConfig, ResolvedStore } from '../../startup/resolve-config.ts';
import { deriveFrom, rolesFor } from '../../store/postgres/layout.ts';
import type { ReadyDatabase } from '../../store/postgres/provision.ts';
import { databaseOf, urlAs, type DatabaseTarget } from '../../store/postgres/target.ts';
import { openToRead } from '../store-to-read.ts';
import { checkCapacity } from './check-capacity.ts';
import { checkConnection, isRefused, notConnected } from './check-connection.ts';
import { checkDatabaseSize } from './check-disk.ts';
import { checkHardening } from './check-hardening.ts';
import { checkLogins } from './check-logins.ts';
import { checkRights } from './check-rights.ts';
import { checkRoles } from './check-roles.ts';
import { checkRowSecurity } from './check-row-security.ts';
import { checkRuntime } from './check-runtime.ts';
import { checkMigrations, checkSchema } from './check-schema.ts';
import { checkClock, checkPooler, checkVersion } from './check-server.ts';
import { checkSettings } from './check-settings.ts';
import { DatabaseSession } from './database-session.ts';
import { failure, finding, type Finding } from './finding.ts';

type Examined = Pick<ResolvedConfig, 'limits' | 'migrations'> & {
  readonly store: Extract<ResolvedStore, { readonly kind: 'postgres' }>;
};

/** What holds the database for one runtime. */
const LOCK_CONNECTIONS = 1;

export async function* checkDatabase(config: Examined): AsyncGenerator<Finding> {
  const { target } = config.store;
  await using open = new AsyncDisposableStack();
  const entrance = await enter(target);
  if (!('session' in entrance)) {
    yield entrance.found;
    return;
  }
  const { session, asLogin } = entrance;
  open.use(session);
  yield* asked('connection', () => checkConnection(session, target.url));
  const version = await checkVersion(session);
  yield version;
  if (version.status === 'fail') return;
  yield* asked('clock', () => checkClock(session));
  yield* asked('pooler', () => checkPooler(session, target.prepare !== false));
  const { found, database } = await checkSchema(target);
  yield found;
  const roles = database?.roles ?? rolesFor(target.rolePrefix ?? databaseOf(target.url));
  if (asLogin)
    yield finding('ok', 'rights', `none but to log in: a start migrates nothing, and comes as ${roles.system}`);
  else yield* asked('rights', () => checkRights(session, roles));
  let sessions = [session];
  if (database !== undefined) {
    const logins = await checkLogins(database);
    for (const login of logins.sessions) open.use(login);
    yield logins.found;
    if (logins.sessions.length > 0) sessions = [...logins.sessions];
    yield* checkContent(session, database, config);
  }
  yield* asked('settings', () => checkSettings(sessions));
  const { storeConnections, databaseWorkers } = config.limits;
  const needed = storeConnections + databaseWorkers + LOCK_CONNECTIONS;
  yield* asked('capacity', () => checkCapacity(session, roles, needed));
  yield* asked('disk', () => checkDatabaseSize(session));
}

async function* checkContent(
  session: DatabaseSession,
  database: ReadyDatabase,
  { store, limits, migrations }: Examined,
): AsyncGenerator<Finding> {
  const { roles } = database;
  yield* asked('migrations', () => checkMigrations(session, migrations, store.target));
  yield* asked('roles', () => checkRoles(session, roles));
  yield* asked('row security', () => checkRowSecurity(session, roles));
  yield* asked('hardening', () => checkHardening(session, roles));
  yield* asked('lock', () => checkRuntime(session));
  yield* asked('store', async () => {
    await using kept = await openToRead(store, limits);
    const { length } = await kept.unfinished();
    const runs = length === 0 ? 'every run has ended' : `${length} runs have not ended`;
    return finding('ok', 'store', `${kept.description}; ${runs}`);
  });
}

type Entrance =
  | { readonly session: DatabaseSession; /** With the secret. */ readonly asLogin: boolean }
  | { readonly found: Finding };

/** K2. */
async function enter(target: DatabaseTarget): Promise<Entrance> {
  const { url, secret, rolePrefix } = target;
  if (secret === undefined) return enterAs(url);
  const { system } = rolesFor(rolePrefix ?? databaseOf(url));
  const login = urlAs(url, system, deriveFrom(secret).systemPassword);
  try {
    return { session: await DatabaseSession.open(login), asLogin: true };
  } catch (error) {
    const found = notConnected(login, error);
    if (!isRefused(error)) return { found };
    const entrance = await enterAs(url);
    return 'session' in entrance ? entrance : { found };
  }
}

async function enterAs(url: string): Promise<Entrance> {
  try {
    return { session: await DatabaseSession.open(url), asLogin: false };
  } catch (error) {
    return { found: notConnected(url, error) };
  }
}

/** K3. */
async function* asked(
  name: string,
  question: () => Promise<Finding> | AsyncGenerator<Finding>,
): AsyncGenerator<Finding> {
  try {
    const answer = question();
    if (Symbol.asyncIterator in answer) yield* answer;
    else yield await answer;
  } catch (error) {
    yield failure(name, error);
  }
}
