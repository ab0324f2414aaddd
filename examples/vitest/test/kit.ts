import { test as base } from 'enginehouse/testing/vitest';

import { application } from '../src/application.ts';

/** For tests that script models: the application on them. Other tests take the kit as it is. */
export const test = base.extend('runtimeOptions', ({ models }) => ({ config: application(models) }));

export { expect } from 'enginehouse/testing/vitest';
