/**
 * For `setupFiles` in a Vitest configuration, once for a whole project. After
 * the last test of each file: the runtime that the kit booted for tests which
 * named none is closed, what tests left on shared runtimes is told, and boots
 * are compared with production's. After the last file, what is shared is closed.
 */

import { afterAll } from 'vitest';

import { checkSharedRuntimes, closeFileRuntime, closeSharedRuntimes, sharedText } from '../kit-owned.ts';
import { parityChecked } from '../parity/check-parity.ts';
import { isLastFile } from './last-file.ts';

/** For the sum of steps that have deadlines of their own. */
const STEPS_MS = 120_000;

afterAll(closeFileRuntime, STEPS_MS);
afterAll(parityChecked, STEPS_MS);
afterAll(checkSharedRuntimes, STEPS_MS);
afterAll(async () => {
  if (!isLastFile()) return;
  const text = sharedText();
  if (text !== undefined) console.info(text);
  await closeSharedRuntimes();
}, STEPS_MS);
