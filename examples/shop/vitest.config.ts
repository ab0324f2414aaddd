import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: { setupFiles: ['enginehouse/testing/vitest/setup'] },
});
