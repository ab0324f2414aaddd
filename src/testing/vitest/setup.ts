/**
 * For `setupFiles` in a Vitest configuration, once for a whole project: after
 * the last test of each file, what the kit owns beyond single tests is closed,
 * with proof.
 */

import { afterAll } from 'vitest';

import { closeSharedRuntimes } from '../kit-owned.ts';

afterAll(() => closeSharedRuntimes());
