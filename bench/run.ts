/**
 * `npm run bench -- NAME [--json]`: one benchmark, or all of them. Each runs in
 * a process of its own, prints a table for people or one JSON object, names the
 * machine's load and, where it writes, the disk's own flush time.
 */

import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const BENCHES = [
  'T0',
  'T1',
  'T1-postgres',
  'T2',
  'clone',
  'recycle',
  'hung-teardown',
  'planted-leaks',
  'false-alarms',
  'R2',
  'R3',
  'R4',
  'RLS',
  'E1',
  'E3',
  'start',
  'analyst',
] as const;
/** Made of others, and therefore not among all. */
const SUMMARIES = ['kit'] as const;
const KNOWN: readonly string[] = [...BENCHES, ...SUMMARIES];

const names = process.argv.slice(2).filter((word) => !word.startsWith('-'));
const unknown = names.filter((name) => !KNOWN.includes(name));
if (unknown.length > 0) {
  console.error(`There is no benchmark ${unknown.join(', ')}; there are ${KNOWN.join(', ')}.`);
  process.exit(2);
}

for (const name of names.length > 0 ? names : BENCHES) {
  const file = fileURLToPath(new URL(`${name.toLowerCase()}.ts`, import.meta.url));
  const flags = process.argv.includes('--json') ? ['--json'] : [];
  const { status } = spawnSync(
    process.execPath,
    ['--expose-gc', '--disable-warning=ExperimentalWarning', file, ...flags],
    { stdio: 'inherit' },
  );
  if (status !== 0) process.exitCode = 1;
}
