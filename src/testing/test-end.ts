/**
 * How a test ends. Quiesce, then dispose, then check.
 *
 *   E1. In this order: time goes on by itself and what was held or broken is let
 *       go; what is under way comes to rest; the test's own parts close, last
 *       opened first; its users leave; its runs end; it is audited; its worker
 *       and its runtime are taken down, with proof.
 *   E2. Every step is tried, within its deadline; one that fails or hangs does
 *       not keep the others from it.
 *   E3. All that was wrong is told, as one error.
 */

import { systemClock } from '../base/clock.ts';
import { withDeadline } from '../base/deadline.ts';
import { EnginehouseError } from '../base/errors.ts';
import type { Scope } from '../base/scope.ts';
import { configuredRuntime, unsetConfiguredRuntime } from '../startup/pointer.ts';
import { unguarded, type Fence } from './audit/fence.ts';
import type { Marks } from './audit/marks.ts';
import type { Chaos } from './chaos.ts';
import type { ExecutionEngineFactoryTestManager } from './execution-engine-factory-test-manager.ts';
import type { Models } from './models/models.ts';
import type { Seed } from './seed.ts';
import { tellFailure } from './tell-failure.ts';
import { shownOfOthers, type TestAudit } from './test-audit.ts';
import { TEARDOWN_STEP_MS, type TestOutcome } from './test-options.ts';
import { throwAll } from './throw-all.ts';
import type { TestRuntime } from './test-runtime.ts';
import type { TestUser } from './test-user.ts';
import type { Worker } from './worker/worker.ts';

/** All that a test may have had. */
export interface EndingTest {
  readonly test: string;
  readonly outcome: TestOutcome;
  /** What was wrong before. */
  readonly wrong: readonly unknown[];
  /** The test's own parts. */
  readonly scope: Scope;
  readonly fence: Fence;
  readonly users: Iterable<TestUser>;
  readonly audits: ReadonlyMap<TestRuntime, TestAudit>;
  /** Its own runtime, if it had one, and what booted it. */
  readonly alone: TestRuntime | undefined;
  readonly manager: ExecutionEngineFactoryTestManager | undefined;
  readonly worker: Worker | undefined;
  readonly models: Models | undefined;
  readonly chaos: Chaos | undefined;
  readonly seed: Seed | undefined;
  readonly marks: Marks;
}

/** What is under way gets this long to come to rest; what goes on by itself is ended after it. */
const SETTLE_MS = 500;
/** For the sum of steps that have deadlines of their own. */
const STEPS_MS = 20 * TEARDOWN_STEP_MS;

/** @throws all that was wrong, as one error */
export async function endTest(ending: EndingTest): Promise<void> {
  const { test, outcome, scope, fence, users, audits, alone, manager, worker, models, chaos, marks } = ending;
  const wrong: unknown[] = [...ending.wrong];
  const step = async (name: string, timeoutMs: number, work: () => unknown): Promise<void> => {
    try {
      await withDeadline(`${name} of the test "${test}"`, timeoutMs, systemClock, Promise.resolve(work()));
    } catch (error) {
      wrong.push(error);
    }
  };
  // They may be why the test failed.
  wrong.push(...(models?.takeRefused() ?? []));
  if (outcome.failedTest === undefined) wrong.push(...unused(ending));
  alone?.watch.release();
  await step('letting go the faults', TEARDOWN_STEP_MS, () => chaos?.letGo());
  await step('ending the model calls', TEARDOWN_STEP_MS, () => models?.close());
  await Promise.all([...audits.keys()].map(settle));
  if (outcome.failedTest !== undefined) await step('telling', TEARDOWN_STEP_MS, () => tellFailure(ending));
  await step('closing the parts', STEPS_MS, () => scope.close());
  await Promise.all(
    Array.from(users, (user) =>
      step(`closing the connections of ${user.id}`, TEARDOWN_STEP_MS, () => user[Symbol.asyncDispose]()),
    ),
  );
  wrong.push(...leftPointer(fence, alone));
  // Parts may need the runtime to close, and listeners hear of it: what the test was given ends after them.
  fence.lower(test);
  for (const audit of audits.values()) {
    await step('ending the runs', 2 * TEARDOWN_STEP_MS, () => audit.endRuns());
    await step('the audit', 2 * TEARDOWN_STEP_MS, async () => wrong.push(...(await audit.findings())));
  }
  if (worker !== undefined) {
    const lives = [...users].filter(({ home }) => home === worker);
    await step('the audit', TEARDOWN_STEP_MS, async () => wrong.push(...(await shownOfOthers(lives, marks))));
  }
  marks[Symbol.dispose]();
  await step('closing the worker', STEPS_MS, () => worker?.[Symbol.asyncDispose]());
  await step('closing the runtime', STEPS_MS, () => manager?.cleanup(outcome));
  throwAll(wrong, `the end of the test "${test}"`);
}

/** What the test said should happen and did not. One that failed half-way has not come to all of it. */
function unused({ models, chaos }: EndingTest): readonly unknown[] {
  return [...(models?.unused() ?? []), ...(chaos?.unstruck() ?? [])];
}

/** The process-wide pointer, where the test set it to a runtime that outlives the test; it is taken back. */
function leftPointer(fence: Fence, alone: TestRuntime | undefined): readonly unknown[] {
  const pointed = configuredRuntime();
  if (pointed === undefined || !fence.gave(pointed) || unguarded(pointed) === alone?.runtime) return [];
  unsetConfiguredRuntime();
  const left = 'the process-wide pointer to a shared runtime, set by configureExecutionEngineFactory()';
  const cure =
    'Write `using _pointer = configureExecutionEngineFactory(runtime)`, or let the fixtures find the factory.';
  return [new EnginehouseError('CLEANUP_INCOMPLETE', `the test left ${left}`, { left: [left] }, { cure })];
}

async function settle({ watch }: TestRuntime): Promise<void> {
  await watch.activity.idle({ timeoutMs: SETTLE_MS }).catch(() => undefined);
}
