import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    setupFiles: [fileURLToPath(new URL('../../../src/testing/vitest/setup.ts', import.meta.url))],
    isolate: false,
    maxWorkers: 1,
    // Runs at once would reorder each other's files, and the first failure is what is told.
    cache: false,
    // What waits for something that a defect has lost is not waited for long.
    testTimeout: 6_000,
    execArgv: ['--disable-warning=ExperimentalWarning'],
  },
});
