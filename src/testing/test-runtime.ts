/**
 * A runtime for a test: the same `startup()` as in production, with a store in
 * memory, a free port and a secret of its own.
 *
 *   K1. Nothing of it is shared with another test runtime: store, port, secret, users.
 *   K2. Closing it takes users, doors, runs, sockets and stores down in order,
 *       each within a deadline, and then proves that nothing is left.
 */

import { Scope } from '../base/scope.ts';
import { systemClock } from '../base/clock.ts';
import { EnginehouseError } from '../base/errors.ts';
import { userId, type UserId } from '../context/ids.ts';
import type { EnginehouseConfig } from '../startup/config.ts';
import type { EnginehouseRuntime } from '../startup/runtime.ts';
import { startup } from '../startup/startup.ts';
import { signToken } from '../server/token.ts';
import { know } from './known-runtimes.ts';
import { proveClean } from './prove-clean.ts';
import { projectConfig } from './project-config.ts';
import { TEARDOWN_STEP_MS, TEST_LIMITS, type TestRuntimeOptions } from './test-options.ts';
import { TestUser, type TokenOptions, type UserHome } from './test-user.ts';

const HOUR_MS = 3_600_000;

export class TestRuntime implements UserHome, AsyncDisposable {
  readonly runtime: EnginehouseRuntime;
  readonly #secret: string;
  readonly #scope: Scope;

  private constructor(runtime: EnginehouseRuntime, secret: string) {
    this.runtime = runtime;
    this.#secret = secret;
    this.#scope = new Scope('test runtime', { releaseTimeoutMs: TEARDOWN_STEP_MS });
    this.#scope.defer('proof', async () => proveClean(runtime, await this.token(userId('proof'))));
    this.#scope.defer('runtime', () => runtime.close());
  }

  /** @throws what `startup()` throws */
  static async boot(options: TestRuntimeOptions = {}): Promise<TestRuntime> {
    const secret = `${crypto.randomUUID()}${crypto.randomUUID()}`;
    const config = await testConfig(options, secret);
    const runtime = await startup(config, { env: {}, seams: { keepOrigins: true, ...options.seams } });
    know(runtime);
    return new TestRuntime(runtime, secret);
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
    const user = new TestUser(name, () => Promise.resolve(this));
    this.#scope.own(`user ${user.id}`, user);
    return user;
  }

  token(user: UserId, options: TokenOptions = {}): Promise<string> {
    return signToken(
      this.#secret,
      { userId: user, roles: options.roles ?? ['user'], expiresInMs: options.expiresInMs ?? HOUR_MS },
      systemClock,
    );
  }

  /** K2. Idempotent. @throws `CLEANUP_INCOMPLETE`, `DEADLINE` naming the step, and whatever a step threw */
  close(): Promise<void> {
    return this.#scope.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
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
