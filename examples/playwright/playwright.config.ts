import { defineConfig } from '@playwright/test';

export default defineConfig({
  testDir: 'test',
  // Each test has a runtime of its own, so they may all run at once.
  fullyParallel: true,
  reporter: 'list',
  use: {
    // The system's browser; without this line, the one that `npx playwright install` brings.
    launchOptions: { executablePath: process.env['CHROMIUM_PATH'] ?? '/usr/bin/chromium', args: ['--no-sandbox'] },
  },
});
