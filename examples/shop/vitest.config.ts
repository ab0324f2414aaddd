import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    setupFiles: ['enginehouse/testing/vitest/setup'],
    // Every test runs on both stores: customers use PostgreSQL, and SQLite answers in milliseconds.
    projects: (['sqlite', 'postgres'] as const).map((onStore) => ({
      extends: true,
      test: { name: onStore, provide: { onStore } },
    })),
  },
});
