/**
 * Global set-up of the package tests: dist/ is made current and packed once, as
 * it would be published. The tests get the path of the tarball by `inject`.
 */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { node, npm } from './processes.ts';

const ROOT = join(import.meta.dirname, '../..');

declare module 'vitest' {
  interface ProvidedContext {
    readonly tarball: string;
  }
}

export async function setup(project: TestProject): Promise<() => Promise<void>> {
  await node(ROOT, 'scripts/prepare.mjs');
  const folder = await mkdtemp(join(tmpdir(), 'enginehouse-pack-'));
  const packed = await npm(ROOT, 'pack', '--ignore-scripts', '--silent', '--pack-destination', folder);
  project.provide('tarball', join(folder, packed.trim()));
  return () => rm(folder, { recursive: true, force: true });
}
