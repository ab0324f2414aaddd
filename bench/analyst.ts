/** The analyst on an hour of real requests (19,366 rows), as `enginehouse run` does it, process start included. */

import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { quantile, report } from './report.ts';

const ROUNDS = 5;
const main = fileURLToPath(new URL('../dist/cli/main.js', import.meta.url));
const real = fileURLToPath(new URL('../../shared/data/azure-llm-inference-conv-2023.csv', import.meta.url));
const sample = fileURLToPath(new URL('../examples/ledgers/sample.csv', import.meta.url));
const ledger = process.env['LEDGER'] ?? (existsSync(real) ? real : sample);
if (!existsSync(main)) throw new Error('build first: npm run build');

const times: number[] = [];
for (let round = 0; round < ROUNDS; round += 1) {
  const folder = mkdtempSync(join(tmpdir(), 'enginehouse-analyst-'));
  const startedAt = performance.now();
  const { status, stderr } = spawnSync(
    process.execPath,
    [main, 'run', 'analyst', '--input', ledger, '--data', folder, '--json'],
    { encoding: 'utf8', maxBuffer: 1e9 },
  );
  times.push(performance.now() - startedAt);
  rmSync(folder, { recursive: true, force: true });
  if (status !== 0) throw new Error(`the analyst failed: ${stderr}`);
}
report('analyst', [
  {
    name: `enginehouse run analyst, ${ledger.split('/').at(-1)}`,
    value: quantile(times, 0.5),
    unit: 'ms',
    target: 3_000,
    range: [Math.min(...times), Math.max(...times)],
  },
]);
