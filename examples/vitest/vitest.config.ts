import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    setupFiles: ['enginehouse/testing/vitest/setup'],
    // Runtimes share nothing, so test files can share a process: several times faster.
    isolate: false,
  },
});
