import { defineConfig } from 'vitest/config';

/** The fast setting: one worker, and nothing is loaded again. */
export default defineConfig({
  test: {
    isolate: false,
    maxWorkers: 1,
    execArgv: ['--disable-warning=ExperimentalWarning'],
    projects: [
      {
        extends: true,
        test: { name: 'kit', include: ['kit.run.ts'], setupFiles: ['../../src/testing/vitest/setup.ts'] },
      },
      { extends: true, test: { name: 'empty', include: ['empty.run.ts'] } },
    ],
  },
});
