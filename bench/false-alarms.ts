/**
 * false-alarms: clean tests by the thousand, of every kind (clean/tests.ts), on
 * shared runtimes and on their own, on both stores, several at once in several
 * processes. Not one may be blamed. `COUNT=2000` makes it fewer.
 */

import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

import type { Told } from './clean/process.ts';
import { report } from './report.ts';

const COUNT = Number(process.env['COUNT'] ?? 100_000);
const PROCESSES = 2;
/** Then a process ends, with proof, and another goes on: a run of tests is about so long. */
const TESTS_PER_PROCESS = Math.min(5_000, Math.ceil(COUNT / PROCESSES));
const PATIENCE_MS = 600_000;
const PROGRESS_MS = 10_000;
const ALARMS_PRINTED = 20;

const done = new Map<string, number>();
const alarms: string[] = [];
let next = 0;

const startedAt = performance.now();
const progress = setInterval(() => {
  console.error(`false-alarms: ${sum()} of ${COUNT} tests, ${alarms.length} alarms`);
}, PROGRESS_MS);
await Promise.all(Array.from({ length: PROCESSES }, processes));
clearInterval(progress);
const seconds = (performance.now() - startedAt) / 1_000;

report(
  'false-alarms',
  [
    { name: `clean tests blamed, of ${sum()}`, value: alarms.length, unit: 'tests', target: 0 },
    { name: 'tests', value: sum() / seconds, unit: '/s' },
  ],
  [[...done].map(([place, count]) => `${place}: ${count}`).join('; '), ...alarms.slice(0, ALARMS_PRINTED)],
);
if (alarms.length > 0 || sum() < COUNT) process.exitCode = 1;

/** One process after the other, until all tests are done. */
async function processes(): Promise<void> {
  while (next < COUNT) {
    const first = next;
    next = Math.min(COUNT, first + TESTS_PER_PROCESS);
    await part(first, next);
  }
}

async function part(first: number, last: number): Promise<void> {
  const child = fork(fileURLToPath(new URL('clean/process.ts', import.meta.url)), [String(first), String(last)], {
    execArgv: ['--disable-warning=ExperimentalWarning'],
    stdio: ['ignore', 2, 2, 'ipc'],
    timeout: PATIENCE_MS,
    killSignal: 'SIGKILL',
  });
  child.on('message', ({ place, alarm }: Told) => {
    if (place !== undefined) done.set(place, (done.get(place) ?? 0) + 1);
    if (alarm === undefined) return;
    alarms.push(alarm);
    if (alarms.length <= ALARMS_PRINTED) console.error(alarm);
  });
  const [code, signal] = await once(child, 'exit');
  if (code !== 0) alarms.push(`the process of tests ${first} to ${last} ended with ${code ?? signal}`);
}

function sum(): number {
  return [...done.values()].reduce((total, count) => total + count, 0);
}
