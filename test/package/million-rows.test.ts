/** The analyst on a ledger of a million requests, as `enginehouse run` does it, with what all its processes hold in memory. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream, existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect } from 'vitest';

import { testWith } from '../support/requirements.ts';

const ROWS = 1_000_000;
const MAIN = join(import.meta.dirname, '../../dist/cli/main.js');
const GIBIBYTE = 1_073_741_824;

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'enginehouse-million-'));
  const file = createWriteStream(join(folder, 'ledger.csv'));
  file.write('TIMESTAMP,ContextTokens,GeneratedTokens\n');
  for (let from = 0; from < ROWS; from += 10_000) {
    const lines = Array.from({ length: 10_000 }, (_, index) => line(from + index));
    if (!file.write(lines.join(''))) await once(file, 'drain');
  }
  file.end();
  await once(file, 'finish');
});

afterAll(() => rm(folder, { recursive: true, force: true }));

const proc = {
  name: 'memory of processes in /proc',
  cure: 'run them on Linux',
  find: () => (existsSync('/proc/self/status') ? '/proc' : undefined),
};

testWith(proc, 'a million rows are analysed within 1 GB, all processes together', async () => {
  const args = [MAIN, 'run', 'analyst', '--input', join(folder, 'ledger.csv'), '--data', join(folder, 'data')];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'ignore'] });
  let said = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (said += text));
  const ended = once(child, 'close');
  let peak = 0;
  while (child.exitCode === null) {
    peak = Math.max(
      peak,
      familyOf(child.pid ?? 0).reduce((sum, pid) => sum + residentBytes(pid), 0),
    );
    await Promise.race([ended, sleep(100)]);
  }
  await ended;

  expect(child.exitCode).toBe(0);
  expect(JSON.parse(said)).toMatchObject({ requests: ROWS, inputTokens: ROWS * 100, outputTokens: ROWS * 10 });
  expect(peak).toBeGreaterThan(0);
  expect(peak).toBeLessThan(GIBIBYTE);
});

function line(index: number): string {
  const time = new Date(Date.UTC(2026, 0, 1) + index * 1_000).toISOString().replace('T', ' ').replace('Z', '0000');
  return `${time},100,10\n`;
}

/** A process and all that it started. */
function familyOf(pid: number): number[] {
  const children = new Map<number, number[]>();
  for (const entry of readdirSync('/proc')) {
    const parent = Number(/^PPid:\t(?<pid>\d+)$/m.exec(statusOf(entry))?.groups?.['pid']);
    if (parent > 0) children.set(parent, [...(children.get(parent) ?? []), Number(entry)]);
  }
  const family = [pid];
  for (const member of family) family.push(...(children.get(member) ?? []));
  return family;
}

function residentBytes(pid: number): number {
  return Number(/^VmRSS:\s+(?<kb>\d+) kB$/m.exec(statusOf(String(pid)))?.groups?.['kb'] ?? 0) * 1_024;
}

/** Empty for a process that has ended meanwhile, and for what is no process. */
function statusOf(entry: string): string {
  if (!/^\d+$/.test(entry)) return '';
  try {
    return readFileSync(`/proc/${entry}/status`, 'utf8');
  } catch {
    return '';
  }
}
