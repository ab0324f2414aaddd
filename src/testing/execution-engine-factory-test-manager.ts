import { systemClock } from '../base/clock.ts';
import { withDeadline } from '../base/deadline.ts';
import { EnginehouseError } from '../base/errors.ts';
import type { AgentWebSocketBridge } from '../bridge/agent-websocket-bridge.ts';
import type { ExecutionEngineFactory } from '../factory/execution-engine-factory.ts';
import type { EnginehouseRuntime } from '../startup/runtime.ts';
import { TEARDOWN_STEP_MS, type TestOutcome, type TestRuntimeOptions } from './test-options.ts';
import { TestRuntime } from './test-runtime.ts';
import type { TestUser } from './test-user.ts';
import { verifyRuntime } from './verify-runtime.ts';

/**
 * What the fixtures are made of, for a runner that has none: boots the real
 * runtime, verifies it, and takes it down with proof.
 *
 * @example
 * const manager = new ExecutionEngineFactoryTestManager();
 * const factory = await manager.initializeForTests();
 * // … the test …
 * await manager.cleanup();
 */
export class ExecutionEngineFactoryTestManager implements AsyncDisposable {
  readonly #options: TestRuntimeOptions;
  #home: Promise<TestRuntime> | undefined;
  #booted: TestRuntime | undefined;
  #cleaning: Promise<void> | undefined;

  constructor(options: TestRuntimeOptions = {}) {
    this.#options = options;
  }

  /** Boots and verifies. Calling it again gives the same factory. @throws what `startup()` throws, `STARTUP_FAILED`; `TEST_KIT_MISUSED` after `cleanup()` */
  async initializeForTests(): Promise<ExecutionEngineFactory> {
    if (this.#cleaning !== undefined)
      throw new EnginehouseError('TEST_KIT_MISUSED', 'the test manager was cleaned up', { part: 'manager' });
    this.#home ??= this.#boot();
    return (await this.#home).runtime.factory;
  }

  /** Runs a small agent for a connected user and reads its five events back from the socket and the log. @throws `STARTUP_FAILED` */
  verify(): Promise<void> {
    return verifyRuntime(this.home);
  }

  /** @throws `TEST_KIT_MISUSED` before `initializeForTests()` */
  get runtime(): EnginehouseRuntime {
    return this.home.runtime;
  }

  get websocketBridge(): AgentWebSocketBridge {
    return this.runtime.bridge;
  }

  /** A fresh user, whose connections end with the test. */
  user(name: string): TestUser {
    return this.home.user(name);
  }

  /**
   * Closes everything, each step within 2 s, and proves that the accessor is unset, the port refuses, the store is
   * closed and nothing that was opened is left. Idempotent, and harmless when nothing was booted.
   *
   * @param outcome - names the test if it failed; its database is then kept
   * @throws `CLEANUP_INCOMPLETE`, `DEADLINE`
   */
  cleanup(outcome: TestOutcome = {}): Promise<void> {
    return (this.#cleaning ??= this.#cleanup(outcome));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.cleanup();
  }

  /** Its runtime, as long as that is there. @internal */
  get lives(): TestRuntime | undefined {
    return this.#cleaning === undefined ? this.#booted : undefined;
  }

  /** @internal */
  get home(): TestRuntime {
    if (this.lives !== undefined) return this.lives;
    throw new EnginehouseError('TEST_KIT_MISUSED', 'the test manager is not initialised, or was cleaned up', {
      part: 'manager',
    });
  }

  async #boot(): Promise<TestRuntime> {
    const home = await TestRuntime.boot(this.#options);
    try {
      await verifyRuntime(home);
      home.watch.begin();
    } catch (error) {
      await home.close().catch(() => undefined);
      throw error;
    }
    this.#booted = home;
    return home;
  }

  async #cleanup(outcome: TestOutcome): Promise<void> {
    const home = await this.#arrived();
    await home?.close(outcome);
  }

  /** What is booting is waited for, but not for ever. A boot that failed was told to whoever asked for it. */
  async #arrived(): Promise<TestRuntime | undefined> {
    const booting = Promise.resolve(this.#home).catch(() => undefined);
    try {
      return await withDeadline('booting a test runtime', TEARDOWN_STEP_MS, systemClock, booting);
    } catch (error) {
      // It is nobody's any more, should it ever be there.
      void booting.then((home) => home?.close()).catch(() => undefined);
      throw error;
    }
  }
}
