import { defineConfig } from 'vitest/config';
import { FinalLine } from './test/support/final-line.ts';

export default defineConfig({
  test: {
    reporters: ['default', new FinalLine()],
    pool: 'forks',
    // Safe here, and several times faster: runtimes are values, and the one process-wide pointer is unset by whoever set it.
    isolate: false,
    execArgv: ['--disable-warning=ExperimentalWarning'],
    testTimeout: 30_000,
    hookTimeout: 30_000,
    projects: [
      {
        extends: true,
        test: {
          name: 'house',
          include: ['src/**/*.test.ts', 'test/**/*.test.ts'],
          exclude: ['test/package/**', 'test/lint/fixture/**'],
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: {
          name: 'package',
          include: ['test/package/**/*.test.ts'],
          globalSetup: ['test/package/pack.ts'],
          testTimeout: 300_000,
          hookTimeout: 300_000,
          fileParallelism: false,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
