/**
 * A runtime for a test: the same `startup()` as in production, with a store, a
 * free port and a secret of its own.
 *
 *   K1. Nothing of it is shared with another test runtime: rows, port, secret,
 *       users, time.
 *   K2. The kit stands around what it may replace and sees calls, requests and
 *       timers; it adds none of its own.
 *   K3. Closing it takes users, doors, runs, sockets and stores down in order,
 *       each within a deadline, and then proves that nothing is left.
 *   K4. A database goes back only after that proof; it is told whether it held.
 */

import { EnginehouseError } from '../base/errors.ts';
import { Scope } from '../base/scope.ts';
import { userId, type TenantId, type UserId } from '../context/ids.ts';
import { signToken, type TokenClaims } from '../server/token.ts';
import type { EnginehouseConfig } from '../startup/config.ts';
import type { EnginehouseRuntime } from '../startup/runtime.ts';
import { startup } from '../startup/startup.ts';
import { deepStack } from './audit/origin.ts';
import { adopt, handMade } from './hand-made.ts';
import { know } from './known-runtimes.ts';
import { checkParityOnce } from './parity/check-parity.ts';
import type { TestDatabase } from './postgres/test-databases.ts';
import { proveClean } from './prove-clean.ts';
import { projectConfig } from './project-config.ts';
import type { Sabotage } from './sabotage/sabotage.ts';
import {
  resolveTestStore,
  TEARDOWN_STEP_MS,
  TEST_LIMITS,
  type TestOutcome,
  type TestRuntimeOptions,
  withTenant,
} from './test-options.ts';
import { TestUser, type TokenOptions, type UserHome } from './test-user.ts';
import { Watch } from './watch.ts';

const HOUR_MS = 3_600_000;
/** Keeping one may drop an older one, and a busy server takes its time for that. */
const DATABASE_STEP_MS = 10_000;
/** Its own steps have deadlines, each named; this is for their sum. */
const CLOSE_MS = 15 * TEARDOWN_STEP_MS;

interface TestRuntimeParts {
  readonly runtime: EnginehouseRuntime;
  readonly watch: Watch;
  readonly database: TestDatabase | undefined;
  readonly tenant: TenantId | undefined;
  readonly auth: Pick<TokenClaims, 'tenantClaim'> & { readonly secret: string };
}

export class TestRuntime implements UserHome, AsyncDisposable {
  readonly runtime: EnginehouseRuntime;
  /** What the kit sees of it: its time, its calls, what is open. @internal */
  readonly watch: Watch;
  /** Whose users live here, where tests share a database. */
  readonly tenant: TenantId | undefined;
  readonly #auth: TestRuntimeParts['auth'];
  readonly #scope: Scope;
  #outcome: TestOutcome = {};

  private constructor({ runtime, watch, database, tenant, auth }: TestRuntimeParts) {
    this.runtime = runtime;
    this.watch = watch;
    this.tenant = tenant;
    this.#auth = auth;
    this.#scope = new Scope('test runtime', { releaseTimeoutMs: TEARDOWN_STEP_MS });
    let inOrder = false;
    if (database !== undefined) {
      const release = () => database.release({ failedTest: this.#outcome.failedTest, inOrder });
      this.#scope.defer('database', release, DATABASE_STEP_MS);
    }
    this.#scope.defer('proof', async () => {
      await proveClean(runtime, () => this.token(userId('proof')), {
        database,
        told: (resource) => watch.wasTold(resource),
      });
      inOrder = true;
    });
    this.#scope.defer('watch', () => watch.close());
    this.#scope.defer('runtime', () => runtime.close(), CLOSE_MS);
  }

  /** @throws what `startup()` throws */
  static async boot(options: TestRuntimeOptions = {}): Promise<TestRuntime> {
    const booted = deepStack();
    const { seams = {} } = withTenant(options);
    const { tenant } = seams;
    const secret = `${crypto.randomUUID()}${crypto.randomUUID()}`;
    const merged = await testConfig(options, secret);
    const database = await databaseFor(options, merged, tenant);
    const config = database === undefined ? merged : { ...merged, store: database.store };
    const sabotage = await plantedDefect();
    const watch = new Watch(sabotage?.seams(seams) ?? seams);
    try {
      const runtime = await startup(config, { env: {}, seams: watch.seams });
      sabotage?.applyTo(runtime);
      know(runtime);
      watch.sees(runtime);
      checkParityOnce(runtime);
      const auth = { secret, tenantClaim: config.auth?.tenantClaim };
      const home = new TestRuntime({ runtime, watch, database, tenant, auth });
      handMade(home, booted);
      return home;
    } catch (error) {
      watch.close();
      await database?.release({ failedTest: undefined, inOrder: false }).catch(() => undefined);
      throw error;
    }
  }

  /** Where it listens. */
  get url(): string {
    const { address } = this.runtime;
    if (address === undefined)
      throw new EnginehouseError('TEST_KIT_MISUSED', 'this test runtime does not listen', { part: 'url' });
    return address.url;
  }

  /** A fresh user, whose connections end with the runtime. */
  user(name: string): TestUser {
    const user = new TestUser(name, () => Promise.resolve(this), this.tenant);
    this.#scope.own(`user ${user.id}`, user);
    return user;
  }

  token(user: UserId, options: TokenOptions = {}): Promise<string> {
    const { tenantId = this.tenant, roles = ['user'], expiresInMs = HOUR_MS } = options;
    const { secret, tenantClaim } = this.#auth;
    return signToken(secret, { userId: user, tenantId, roles, expiresInMs, tenantClaim }, this.watch.clock);
  }

  /** K3. Idempotent. @throws `CLEANUP_INCOMPLETE`, `DEADLINE` naming the step, and whatever a step threw */
  close(outcome: TestOutcome = {}): Promise<void> {
    this.#outcome = outcome;
    adopt(this);
    // A clock that stands would keep the runtime's own deadlines from coming.
    this.watch.release();
    return this.#scope.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/** The defect that a suite is tried with, see `enginehouse testkit sabotage`. */
async function plantedDefect(): Promise<Sabotage | undefined> {
  if (!process.env['ENGINEHOUSE_SABOTAGE']) return undefined;
  return (await import('./sabotage/sabotage.ts')).sabotageFromEnv();
}

/** A store that the test names itself is its own concern. */
async function databaseFor(
  options: TestRuntimeOptions,
  { database }: EnginehouseConfig,
  tenant: TenantId | undefined,
): Promise<TestDatabase | undefined> {
  if (options.config?.store !== undefined) return undefined;
  const store = resolveTestStore(options.store);
  if (store.kind === 'sqlite') return undefined;
  const plan = { migrations: database?.migrations, seed: database?.seed };
  // Loaded where it is used: most tests need no PostgreSQL client.
  const { openTestDatabase } = await import('./postgres/test-databases.ts');
  return openTestDatabase({ plan, isolation: store.isolation, tenant });
}

async function testConfig(options: TestRuntimeOptions, secret: string): Promise<EnginehouseConfig> {
  const { config = {}, limits, log = 'silent' } = options;
  const project = config.agents === undefined ? ((await projectConfig()) ?? { agents: [] }) : undefined;
  const merged = { agents: [], ...project, ...config };
  return {
    ...merged,
    limits: { ...TEST_LIMITS, ...merged.limits, ...limits },
    store: { path: ':memory:', ...config.store },
    server: { listen: true, ...config.server, host: '127.0.0.1', port: 0 },
    auth: { ...merged.auth, secret },
    log,
  };
}
