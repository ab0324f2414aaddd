/**
 * Starts the command of a checkout, and says what to do where nothing was
 * prepared: npm leaves prestart out when it is told to run no scripts. The script
 * in package.json begins with `exec` and this stays one process, so that a signal
 * to npm reaches the runtime; Debian's shell would keep it to itself.
 */

import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const main = new URL('../dist/cli/main.js', import.meta.url);

if (existsSync(main)) {
  process.argv[1] = fileURLToPath(main);
  await import(main.href);
} else {
  process.stderr.write(
    'enginehouse: nothing is installed or built, because npm is told to run no scripts (ignore-scripts). Run this ' +
      'once, and again after a change:\n  node scripts/prepare.mjs\n',
  );
  process.exitCode = 1;
}
