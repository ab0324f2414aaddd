/**
 * Where one test lives: the runtime it took, its own or a shared one, its users,
 * and all that it steers. A runner's fixtures are thin skins over this.
 *
 *   T1. Nothing is made before it is asked for.
 *   T2. What it gives out ends with the test, its parts and its users: `AFTER_TEST` from then on.
 *   T3. Its end has an order, see `test-end.ts`.
 */

import { systemClock, type Clock } from '../base/clock.ts';
import { withDeadline } from '../base/deadline.ts';
import { EnginehouseError } from '../base/errors.ts';
import { Scope } from '../base/scope.ts';
import type { Owner } from '../context/ids.ts';
import type { ExecutionEngineFactory } from '../factory/execution-engine-factory.ts';
import type { EnginehouseRuntime } from '../startup/runtime.ts';
import type { Activity } from './activity.ts';
import { Fence } from './audit/fence.ts';
import { Marks } from './audit/marks.ts';
import { Chaos } from './chaos.ts';
import { ExecutionEngineFactoryTestManager } from './execution-engine-factory-test-manager.ts';
import { adopt } from './hand-made.ts';
import { sharedRuntime } from './kit-owned.ts';
import { know } from './known-runtimes.ts';
import type { Models } from './models/models.ts';
import { Seed } from './seed.ts';
import { TestAudit } from './test-audit.ts';
import type { TestClock } from './test-clock.ts';
import { endTest } from './test-end.ts';
import { TEARDOWN_STEP_MS, type TestOutcome, type TestRuntimeOptions, withTenant } from './test-options.ts';
import type { TestRuntime } from './test-runtime.ts';
import { enterTestScope } from './test-scope.ts';
import { TestTimeline } from './test-timeline.ts';
import { knowReader } from './timeline/readers.ts';
import { TestUser, type UserHome } from './test-user.ts';
import type { Worker } from './worker/worker.ts';

/** A test that timed out while its runtime booted has waited long enough. */
const BOOT_MS = TEARDOWN_STEP_MS;

export class TestHome implements AsyncDisposable {
  /** Closes what the test gives it, last opened first, each within 2 s: for the test's own parts. */
  readonly scope: Scope;
  #options: TestRuntimeOptions;
  readonly #test: string;
  readonly #fence = new Fence();
  readonly #marks: Marks;
  readonly #users = new Set<TestUser>();
  readonly #audits = new Map<TestRuntime, TestAudit>();
  #manager: ExecutionEngineFactoryTestManager | undefined;
  #own: Promise<TestRuntime> | undefined;
  #sharing: Promise<TestRuntime> | undefined;
  /** The first that the test asked for: its users live there. */
  #first: Promise<UserHome> | undefined;
  #home: TestRuntime | undefined;
  #alone: TestRuntime | undefined;
  #starting: Promise<Worker> | undefined;
  #worker: Worker | undefined;
  #factory: ExecutionEngineFactory | undefined;
  #seed: Seed | undefined;
  #models: Models | undefined;
  #unwatch: (() => void) | undefined;
  #chaos: Chaos | undefined;
  #closing: Promise<void> | undefined;

  /** `test` is its name, for blame. */
  constructor(options: TestRuntimeOptions = {}, test = 'a test') {
    this.#options = withTenant(options);
    this.#test = test;
    this.#marks = new Marks(test);
    this.scope = new Scope(`the test "${test}"`, { clock: systemClock, releaseTimeoutMs: TEARDOWN_STEP_MS });
  }

  /** Says what its runtime is made of, where that was not known at first. @throws `TEST_KIT_MISUSED` once it has a runtime or users */
  configure(options: TestRuntimeOptions): void {
    if (this.#first !== undefined || this.#users.size > 0) {
      const message = 'a test says what its runtime is made of before it takes the runtime or a user';
      throw new EnginehouseError('TEST_KIT_MISUSED', message, { part: 'testHome' });
    }
    this.#options = withTenant(options);
  }

  /**
   * Puts the caller's async scope into this home: `getExecutionEngineFactory()` then finds the runtime that the test
   * takes, whose every use throws once the test is over. To be called synchronously, where the test's body will go on.
   */
  enter(): void {
    enterTestScope(() => this.#factory);
  }

  /** A runtime for this test alone. */
  async own(): Promise<EnginehouseRuntime> {
    return this.#give(await this.#ownHome());
  }

  /** The runtime that this process shares between tests of one configuration. */
  async shared(): Promise<EnginehouseRuntime> {
    this.#sharing ??= sharedRuntime(this.#options);
    this.#first ??= this.#sharing;
    const home = await this.#sharing;
    const { runtime } = home;
    this.#fence.keepOpen(runtime, runtime.factory, runtime.bridge, runtime.store);
    return this.#give(this.#moveInto(home, false));
  }

  /** A runtime in a process of its own, which `chaos.kill()` can kill. @throws what `Worker.start()` throws */
  async worker(): Promise<Worker> {
    this.#starting ??= this.#startWorker();
    this.#first ??= this.#starting;
    return this.#fence.guard(await this.#starting, 'worker');
  }

  /** A fresh user of whichever runtime the test took first; of its own when it took none. */
  user(name: string): TestUser {
    const user = new TestUser(name, () => this.#first ?? this.#ownHome(), this.#options.seams?.tenant);
    this.#marks.register(user.mark, user.id, 'the id');
    this.#users.add(user);
    return this.#fence.guard(user, name);
  }

  /** Fresh users, each with a connection that is open. @throws `CONFIG_INVALID` unless `count` is a whole number from 0 up */
  async users(count: number): Promise<readonly TestUser[]> {
    if (!Number.isSafeInteger(count) || count < 0) {
      const message = `users(count) takes a whole number from 0 up, got ${String(count)}`;
      throw new EnginehouseError('CONFIG_INVALID', message, { option: 'count', received: count });
    }
    const users = Array.from({ length: count }, (_, index) => this.user(`user${index + 1}`));
    await Promise.all(users.map((user) => user.connected()));
    return users;
  }

  /** The time of the test's own runtime, taken: it stands still until it is moved. */
  async clock(): Promise<TestClock> {
    const { clock } = (await this.#ownHome()).watch;
    clock.take();
    // A test has it from here on, and may forget a timer.
    clock.keepOrigins();
    return this.#fence.guard(clock, 'clock');
  }

  /** What is under way in the test's runtime; work that the kit cannot see is told to it. */
  async activity(): Promise<Activity> {
    return (this.#home ?? (await this.#ownHome())).watch.activity;
  }

  /** Where the randomness of this test comes from. A failure tells how to have the same again. */
  get seed(): Seed {
    return (this.#seed ??= Seed.of());
  }

  /** Scripted models of this test: an AI SDK provider. */
  async models(): Promise<Models> {
    // Loaded where it is used, for few tests have models.
    const { Models } = await import('./models/models.ts');
    this.#models ??= new Models({ clock: this.#clock(), onCall: (call) => this.#audit?.modelCalled(call) });
    this.#watchModels();
    return this.#fence.guard(this.#models, 'models');
  }

  get chaos(): Chaos {
    this.#chaos ??= new Chaos({
      seed: () => this.seed,
      home: () => this.#home,
      worker: () => this.#worker,
      concerns: (owner) => this.#concerns(owner),
    });
    return this.#fence.guard(this.#chaos, 'chaos');
  }

  get timeline(): TestTimeline {
    return this.#fence.guard(this.#newTimeline(), 'timeline');
  }

  /** Lets the marks of a user be seen anywhere in this test, which shares on purpose, for `reason`. */
  allowSharing(user: { readonly id: string }, reason: string): void {
    this.#marks.allow(user.id, reason);
  }

  /** T3. Idempotent. `outcome` names the test if it failed. @throws all that was wrong, as one error */
  close(outcome: TestOutcome = {}): Promise<void> {
    return (this.#closing ??= this.#close(outcome));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(outcome: TestOutcome): Promise<void> {
    const hanging = await this.#booted();
    await endTest({
      test: this.#test,
      outcome,
      wrong: hanging === undefined ? [] : [hanging],
      scope: this.scope,
      fence: this.#fence,
      users: this.#users,
      audits: this.#audits,
      alone: this.#alone,
      manager: hanging === undefined ? this.#manager : undefined,
      worker: this.#worker,
      models: this.#models,
      chaos: this.#chaos,
      seed: this.#seed,
      marks: this.#marks,
    }).finally(() => this.#unwatch?.());
  }

  /** What was booting when the test ended: waited for, but not for ever. One that failed was told to whoever asked for it. */
  async #booted(): Promise<unknown> {
    const booting = Promise.allSettled([this.#own, this.#sharing, this.#starting]);
    const what = `booting the runtime of the test "${this.#test}"`;
    try {
      await withDeadline(what, BOOT_MS, systemClock, booting);
      return undefined;
    } catch (error) {
      // It is nobody's any more, should it ever be there.
      void booting.then(() => Promise.allSettled([this.#manager?.cleanup(), this.#worker?.[Symbol.asyncDispose]()]));
      return error;
    }
  }

  #give({ runtime }: TestRuntime): EnginehouseRuntime {
    const guarded = this.#fence.guard(runtime, 'runtime');
    know(guarded);
    knowReader(guarded.factory, (id) => this.#newTimeline().of(id));
    if (!this.#fence.lowered) this.#factory ??= guarded.factory;
    return guarded;
  }

  #newTimeline(): TestTimeline {
    return new TestTimeline(
      () => this.#home,
      (owner) => this.#concerns(owner),
    );
  }

  /** Whether it is one of this test's users, where tests share the runtime. */
  #concerns({ userId }: Owner): boolean {
    return this.#home === this.#alone || [...this.#users].some(({ id }) => id === userId);
  }

  async #ownHome(): Promise<TestRuntime> {
    this.#own ??= this.#boot();
    this.#first ??= this.#own;
    return this.#moveInto(await this.#own, true);
  }

  async #boot(): Promise<TestRuntime> {
    this.#refuseNew('runtime');
    this.#manager = new ExecutionEngineFactoryTestManager(this.#options);
    await this.#manager.initializeForTests();
    this.#alone = this.#manager.home;
    adopt(this.#alone);
    return this.#alone;
  }

  async #startWorker(): Promise<Worker> {
    this.#refuseNew('worker');
    // Loaded where it is used: few tests have a process of their own.
    const { Worker } = await import('./worker/worker.ts');
    const { store, limits, config, seams: { tenant: _kits, ...seams } = {} } = this.#options;
    if (config !== undefined || Object.keys(seams).length > 0) throw notOfWorker();
    return (this.#worker = await Worker.start({ store, limits }));
  }

  /** What began while the test ends would have nobody to end it. */
  #refuseNew(handle: string): void {
    if (this.#closing === undefined) return;
    const message = `${handle} is asked for after its test "${this.#test}" has ended (its body ran on)`;
    throw new EnginehouseError('AFTER_TEST', message, { test: this.#test, handle });
  }

  #moveInto(home: TestRuntime, alone: boolean): TestRuntime {
    this.#home ??= home;
    this.#watchModels();
    if (!this.#audits.has(home))
      this.#audits.set(home, new TestAudit({ test: this.#test, home, marks: this.#marks, users: this.#users, alone }));
    return home;
  }

  /** A model that answers is work of the runtime that the test lives in. */
  #watchModels(): void {
    if (this.#models !== undefined) this.#unwatch ??= this.#home?.watch.activity.add(this.#models);
  }

  get #audit(): TestAudit | undefined {
    return this.#home && this.#audits.get(this.#home);
  }

  /** Of the runtime that the test lives in, once it does. */
  #clock(): Clock {
    const clock = (): Clock => this.#home?.watch.clock ?? systemClock;
    return { now: () => clock().now(), after: (ms, fire) => clock().after(ms, fire) };
  }
}

function notOfWorker(): EnginehouseError {
  const message = 'runtimeOptions.config and .seams do not reach a worker, which is a process of its own';
  const cure = "Let the project's enginehouse.config.ts say what the worker runs; limits and store may be options.";
  return new EnginehouseError('TEST_KIT_MISUSED', message, { part: 'worker' }, { cure });
}
