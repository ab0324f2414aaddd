import { execFileSync } from 'node:child_process';

/** Global set-up of the tests that look at dist/: it is current when they start, however they were started. */
export function setup(): void {
  execFileSync(process.execPath, ['scripts/prepare.mjs'], { stdio: ['ignore', 'inherit', 'inherit'] });
}
