/**
 * For `setupFiles` in a Vitest configuration, once for a whole project. A test
 * with its hooks is one async scope. After the last test of each file: the
 * runtime that the kit booted for tests which named none is closed, runtimes
 * that were booted by hand and what tests left on shared ones is told, and boots
 * are compared with production's. After the last file, what is shared is closed.
 */

import { afterAll, aroundEach } from 'vitest';

import { printed } from '../audit/printable.ts';
import { closeHandMade } from '../hand-made.ts';
import { checkSharedRuntimes, closeFileRuntime, closeSharedRuntimes, sharedText } from '../kit-owned.ts';
import { parityChecked } from '../parity/check-parity.ts';
import { inTestScope } from '../test-scope.ts';
import { isLastFile } from './last-file.ts';

/** For the sum of steps that have deadlines of their own. */
const STEPS_MS = 120_000;

// The accessor finds the factory of a test in all of its hooks, whichever of them asked for it first.
aroundEach((runTest) => inTestScope(runTest));

// One hook, because Vitest calls several in the reverse of their order.
afterAll(async () => {
  const steps: (() => Promise<void>)[] = [closeHandMade, closeFileRuntime, checkSharedRuntimes, parityChecked];
  if (isLastFile()) steps.push(endOfProcess);
  const failures: unknown[] = [];
  for (const step of steps) await step().catch((error: unknown) => failures.push(error));
  // Vitest prints the message of an error, and neither its code nor its cure.
  if (failures.length > 0) throw printed(new AggregateError(failures, 'the end of a test file was not in order'));
}, STEPS_MS);

async function endOfProcess(): Promise<void> {
  const text = sharedText();
  if (text !== undefined) console.info(text);
  await closeSharedRuntimes();
}
