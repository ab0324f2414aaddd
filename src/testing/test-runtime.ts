/**
 * A runtime for a test: the same `startup()` as in production, with a store, a
 * free port and a secret of its own.
 *
 *   K1. Nothing of it is shared with another test runtime: rows, port, secret, users.
 *   K2. Closing it takes users, doors, runs, sockets and stores down in order,
 *       each within a deadline, and then proves that nothing is left.
 *   K3. A database goes back only after that proof; it is told whether it held.
 */

import { Scope } from '../base/scope.ts';
import { systemClock } from '../base/clock.ts';
import { EnginehouseError } from '../base/errors.ts';
import { userId, type TenantId, type UserId } from '../context/ids.ts';
import type { EnginehouseConfig } from '../startup/config.ts';
import type { EnginehouseRuntime } from '../startup/runtime.ts';
import { startup } from '../startup/startup.ts';
import { signToken, type TokenClaims } from '../server/token.ts';
import { know } from './known-runtimes.ts';
import type { TestDatabase } from './postgres/test-databases.ts';
import { proveClean } from './prove-clean.ts';
import { projectConfig } from './project-config.ts';
import {
  resolveTestStore,
  TEARDOWN_STEP_MS,
  TEST_LIMITS,
  type TestOutcome,
  type TestRuntimeOptions,
  withTenant,
} from './test-options.ts';
import { TestUser, type TokenOptions, type UserHome } from './test-user.ts';

const HOUR_MS = 3_600_000;
/** Keeping one may drop an older one, and a busy server takes its time for that. */
const DATABASE_STEP_MS = 10_000;

interface TestRuntimeParts {
  readonly runtime: EnginehouseRuntime;
  readonly database: TestDatabase | undefined;
  readonly tenant: TenantId | undefined;
  readonly auth: Pick<TokenClaims, 'tenantClaim'> & { readonly secret: string };
}

export class TestRuntime implements UserHome, AsyncDisposable {
  readonly runtime: EnginehouseRuntime;
  /** Whose users live here, where tests share a database. */
  readonly tenant: TenantId | undefined;
  readonly #auth: TestRuntimeParts['auth'];
  readonly #scope: Scope;
  #outcome: TestOutcome = {};

  private constructor({ runtime, database, tenant, auth }: TestRuntimeParts) {
    this.runtime = runtime;
    this.tenant = tenant;
    this.#auth = auth;
    this.#scope = new Scope('test runtime', { releaseTimeoutMs: TEARDOWN_STEP_MS });
    let inOrder = false;
    if (database !== undefined) {
      const release = () => database.release({ failedTest: this.#outcome.failedTest, inOrder });
      this.#scope.defer('database', release, DATABASE_STEP_MS);
    }
    this.#scope.defer('proof', async () => {
      await proveClean(runtime, await this.token(userId('proof')), database);
      inOrder = true;
    });
    this.#scope.defer('runtime', () => runtime.close());
  }

  /** @throws what `startup()` throws */
  static async boot(options: TestRuntimeOptions = {}): Promise<TestRuntime> {
    const { seams = {} } = withTenant(options);
    const { tenant } = seams;
    const secret = `${crypto.randomUUID()}${crypto.randomUUID()}`;
    const merged = await testConfig(options, secret);
    const database = await databaseFor(options, merged, tenant);
    const config = database === undefined ? merged : { ...merged, store: database.store };
    try {
      const runtime = await startup(config, { env: {}, seams: { keepOrigins: true, ...seams } });
      know(runtime);
      const auth = { secret, tenantClaim: config.auth?.tenantClaim };
      return new TestRuntime({ runtime, database, tenant, auth });
    } catch (error) {
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
    return signToken(secret, { userId: user, tenantId, roles, expiresInMs, tenantClaim }, systemClock);
  }

  /** K2. Idempotent. @throws `CLEANUP_INCOMPLETE`, `DEADLINE` naming the step, and whatever a step threw */
  close(outcome: TestOutcome = {}): Promise<void> {
    this.#outcome = outcome;
    return this.#scope.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
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
