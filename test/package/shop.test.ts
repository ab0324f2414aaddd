/**
 * examples/shop as its users have it: alone in a folder, on the packed tarball,
 * with its own two commands.
 */

import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, expect, inject, onTestFinished, test, vi } from 'vitest';
import { node, npm } from './processes.ts';

const ROOT = join(import.meta.dirname, '../..');

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'enginehouse-shop-'));
  await cp(join(ROOT, 'examples/shop'), folder, {
    recursive: true,
    filter: (path) => !['node_modules', 'package-lock.json', '.enginehouse'].includes(basename(path)),
  });
  const manifest = join(folder, 'package.json');
  const published = '"enginehouse": "^0.1.0"';
  const text = await readFile(manifest, 'utf8');
  if (!text.includes(published)) throw new Error(`${manifest} has no line ${published}`);
  await writeFile(manifest, text.replace(published, `"enginehouse": "file:${inject('tarball')}"`));
  await npm(folder, 'install', '--prefer-offline', '--no-audit', '--no-fund');
});

afterAll(() => rm(folder, { recursive: true, force: true }));

test('its tests pass on both stores, with the PostgreSQL that npm installed', async () => {
  onTestFinished(() => void vi.unstubAllEnvs());
  vi.stubEnv('ENGINEHOUSE_POSTGRES', 'npm');

  const said = await npm(folder, 'test', '--', '--reporter=tap-flat');

  const titles = [...said.matchAll(/^ok \d+ - (.*?) # time/gm)].map(([, title]) => title);
  expect(titles.length).toBe(2 * new Set(titles).size);
  expect(titles).toContain('test/order.test.ts > an order takes from the stock');
  expect(said).not.toContain('not ok ');
});

test('it compiles', async () => {
  const tsc = join(ROOT, 'node_modules/typescript/bin/tsc');

  expect(await node(folder, tsc, '-p', '.', '--typeRoots', join(ROOT, 'node_modules/@types'))).toBe('');
});
