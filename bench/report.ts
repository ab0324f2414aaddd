import { closeSync, fdatasyncSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';

export interface Result {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  readonly target?: number;
  /** Which values hold the target: at most that, or at least. @default 'less' */
  readonly better?: 'less' | 'more';
  /** Smallest and largest of the rounds. */
  readonly range?: readonly [number, number];
  readonly peer?: string;
}

/** Prints a benchmark's results: a table, or with `--json` one object. */
export function report(id: string, results: readonly Result[], notes: readonly string[] = []): void {
  const judged = results.map((result) => ({
    ...result,
    ...(result.target === undefined ? {} : { holds: isReached(result, result.target) }),
  }));
  const load = loadavg().map((value) => Number(value.toFixed(2)));
  if (process.argv.includes('--json')) {
    console.log(JSON.stringify({ id, load, node: process.version, notes, results: judged }));
    return;
  }
  console.log(`\n${id}   load ${load.join(' ')}   node ${process.version}`);
  const width = Math.max(52, ...judged.map(({ name }) => name.length));
  for (const { name, value, unit, target, better, range, holds, peer } of judged) {
    const spread = range === undefined ? '' : `  [${range.map(shown).join(' … ')}]`;
    const goal =
      target === undefined ? '' : `  target ${better === 'more' ? '≥' : '≤'} ${target}: ${holds ? 'holds' : 'MISSED'}`;
    console.log(
      `  ${name.padEnd(width)} ${shown(value).padStart(9)} ${unit}${spread}${goal}${peer === undefined ? '' : `  beside ${peer}`}`,
    );
  }
  for (const note of notes) console.log(`  ${note}`);
}

export function quantile(values: readonly number[], part: number): number {
  const sorted = values.toSorted((left, right) => left - right);
  return sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))] ?? Number.NaN;
}

/** Median milliseconds of one 4 KB write and fdatasync in the folder of temporary files. */
export function flushMs(): number {
  const folder = mkdtempSync(join(tmpdir(), 'enginehouse-bench-'));
  const file = openSync(join(folder, 'flush'), 'w');
  const block = Buffer.alloc(4_096, 1);
  const times: number[] = [];
  for (let round = 0; round < 100; round += 1) {
    const startedAt = performance.now();
    writeSync(file, block);
    fdatasyncSync(file);
    times.push(performance.now() - startedAt);
  }
  closeSync(file);
  rmSync(folder, { recursive: true });
  return quantile(times, 0.5);
}

function isReached({ value, better = 'less' }: Result, target: number): boolean {
  return better === 'less' ? value <= target : value >= target;
}

function shown(value: number): string {
  return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2);
}
