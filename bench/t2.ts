/**
 * T2: 1,000 tests in one worker of a real Vitest, each with a runtime of its
 * own: from the start of the process to its end. Beside it 1,000 tests of
 * nothing, in turns.
 */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

import { quantile, report, type Result } from './report.ts';

const TESTS = 1_000;
const ROUNDS = 3;
const PATIENCE_MS = 180_000;
const VITEST = fileURLToPath(new URL('../node_modules/vitest/vitest.mjs', import.meta.url));
const ROOT = fileURLToPath(new URL('t2', import.meta.url));

const times = { kit: [] as number[], empty: [] as number[] };
for (let round = 0; round < ROUNDS; round += 1) {
  times.empty.push(await run('empty'));
  times.kit.push(await run('kit'));
}
report('T2', [
  { ...row(`${TESTS} tests with a runtime and a run of their own`, times.kit), target: 12 },
  row(`beside: ${TESTS} empty tests`, times.empty),
]);

/** Seconds of one `vitest run`. @throws when not all tests passed */
async function run(project: keyof typeof times): Promise<number> {
  const startedAt = performance.now();
  const child = spawn(process.execPath, [VITEST, 'run', '--root', ROOT, '--project', project], {
    env: { ...process.env, NO_COLOR: '1' },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: PATIENCE_MS,
    killSignal: 'SIGKILL',
  });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (output += text));
  const [code] = await once(child, 'close');
  const seconds = (performance.now() - startedAt) / 1_000;
  if (code !== 0 || !output.includes(`${TESTS} passed`)) throw new Error(`vitest ended with ${code}\n${output}`);
  return seconds;
}

function row(name: string, values: readonly number[]): Result {
  return { name, value: quantile(values, 0.5), unit: 's', range: [Math.min(...values), Math.max(...values)] };
}
