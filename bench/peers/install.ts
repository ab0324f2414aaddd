import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const lock = join(import.meta.dirname, 'package-lock.json');
const installed = join(import.meta.dirname, 'node_modules/.package-lock.json');

interface Locked {
  readonly version?: string;
  /** It may be for another machine. */
  readonly optional?: boolean;
}

/** Installs what this folder's lock file says, unless it is there. Only a benchmark that has peers calls it. */
export function installPeers(): void {
  if (isInstalled()) return;
  console.error('enginehouse: installing the peers of the benchmark (npm ci in bench/peers)');
  const npm = process.env['npm_execpath'];
  const [command, ...args] = npm === undefined ? ['npm', 'ci'] : [process.execPath, npm, 'ci'];
  const { status } = spawnSync(command, [...args, '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: import.meta.dirname,
    stdio: ['ignore', 2, 2],
  });
  if (status !== 0) throw new Error('npm ci failed in bench/peers; what it says is above');
}

function isInstalled(): boolean {
  if (!existsSync(installed)) return false;
  const there = packagesOf(installed);
  return Object.entries(packagesOf(lock)).every(
    ([path, { version, optional }]) => path === '' || optional === true || there[path]?.version === version,
  );
}

function packagesOf(file: string): Readonly<Record<string, Locked>> {
  const { packages } = JSON.parse(readFileSync(file, 'utf8')) as { packages: Record<string, Locked> };
  return packages;
}
