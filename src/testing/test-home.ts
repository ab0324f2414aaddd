/**
 * Where one test lives: which runtime it took, its own or the shared one, and
 * its users. A runner's fixtures are thin skins over this.
 */

import { asyncScope } from '../base/async-scope.ts';
import { Scope } from '../base/scope.ts';
import { systemClock } from '../base/clock.ts';
import type { ExecutionEngineFactory } from '../factory/execution-engine-factory.ts';
import { ExecutionEngineFactoryTestManager } from './execution-engine-factory-test-manager.ts';
import { sharedRuntime } from './kit-owned.ts';
import { TEARDOWN_STEP_MS, type TestOutcome, type TestRuntimeOptions, withTenant } from './test-options.ts';
import type { TestRuntime } from './test-runtime.ts';
import { TestUser } from './test-user.ts';

export class TestHome implements AsyncDisposable {
  readonly #options: TestRuntimeOptions;
  readonly #scope = new Scope('test', { clock: systemClock, releaseTimeoutMs: TEARDOWN_STEP_MS });
  #own: Promise<TestRuntime> | undefined;
  #taken: Promise<TestRuntime> | undefined;
  #outcome: TestOutcome = {};
  #factory: ExecutionEngineFactory | undefined;

  constructor(options: TestRuntimeOptions) {
    this.#options = withTenant(options);
  }

  /**
   * Puts the caller's async scope into this home: `getExecutionEngineFactory()` then finds the runtime that the test
   * takes, and nothing once it is over. To be called synchronously, where the test's body will go on.
   */
  enter(): void {
    const current = (): ExecutionEngineFactory | undefined => this.#factory;
    asyncScope.enterWith({
      get factory() {
        return current();
      },
    });
  }

  /** A runtime for this test alone. */
  async own(): Promise<TestRuntime> {
    this.#own ??= this.#boot();
    return this.#take(this.#own);
  }

  /** The runtime that this process shares between tests of one configuration. */
  async shared(): Promise<TestRuntime> {
    return this.#take(sharedRuntime(this.#options));
  }

  /** A fresh user of whichever runtime the test took first; of its own when it took none. */
  user(name: string): TestUser {
    const user = new TestUser(name, () => this.#taken ?? this.own(), this.#options.seams?.tenant);
    this.#scope.own(`user ${user.id}`, user);
    return user;
  }

  /** Closes the users and the test's own runtime, with proof. Shared runtimes stay. `outcome` names the test if it failed. */
  close(outcome: TestOutcome = {}): Promise<void> {
    this.#factory = undefined;
    this.#outcome = outcome;
    return this.#scope.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #take(runtime: Promise<TestRuntime>): Promise<TestRuntime> {
    this.#taken ??= runtime;
    const home = await runtime;
    if (!this.#scope.closed) this.#factory ??= home.runtime.factory;
    return home;
  }

  async #boot(): Promise<TestRuntime> {
    const manager = new ExecutionEngineFactoryTestManager(this.#options);
    // Its steps have deadlines of their own; the sum is bounded by them.
    this.#scope.defer('runtime', () => manager.cleanup(this.#outcome), 10 * TEARDOWN_STEP_MS);
    await manager.initializeForTests();
    return manager.home;
  }
}
