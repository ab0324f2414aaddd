import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

/** What the projects have in common: the fast setting, one worker, the kit's one line. */
export default defineConfig({
  test: {
    isolate: false,
    maxWorkers: 1,
    setupFiles: [fileURLToPath(new URL('../../../src/testing/vitest/setup.ts', import.meta.url))],
    execArgv: ['--disable-warning=ExperimentalWarning'],
    testTimeout: 10_000,
    sequence: { concurrent: false },
  },
});
