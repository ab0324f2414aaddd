/**
 * kit: every figure of the test kit in one run: what tests cost, beside others
 * (T1, T2), databases, a hung teardown, leaks and false alarms. Each is a
 * benchmark that can be run alone; none runs beside another.
 */

import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

import { report, type Result } from './report.ts';

const PARTS = ['T1', 'T2', 'clone', 'recycle', 'hung-teardown', 'planted-leaks', 'false-alarms'] as const;

interface Report {
  readonly load: readonly number[];
  readonly notes: readonly string[];
  readonly results: readonly Result[];
}

const results: Result[] = [];
const notes: string[] = [];
for (const part of PARTS) {
  console.error(`enginehouse: bench ${part}`);
  const said = run(part);
  if (said === undefined) {
    notes.push(`${part}: failed; what it says is above`);
    process.exitCode = 1;
    continue;
  }
  results.push(...said.results.map((result) => ({ ...result, name: `${part}: ${result.name}` })));
  notes.push(...said.notes.map((note) => `${part}: ${note}`), `${part}: load ${said.load.join(' ')}`);
}
report('kit', results, notes);

/** What it reports; `undefined` when it did not come so far. */
function run(part: (typeof PARTS)[number]): Report | undefined {
  const file = fileURLToPath(new URL(`${part.toLowerCase()}.ts`, import.meta.url));
  const { status, stdout } = spawnSync(process.execPath, [...process.execArgv, file, '--json'], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  if (status !== 0) process.exitCode = 1;
  const line = stdout.trimEnd().split('\n').at(-1) ?? '';
  return line.startsWith('{') ? (JSON.parse(line) as Report) : undefined;
}
