/** What is published: its files, its shape, and what its entries load. */

import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { promisify } from 'node:util';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { ExecutionEngineFactoryError } from '../../src/base/errors.ts';
import { importGraph, type ImportGraph } from './import-graph.ts';
import { node } from './processes.ts';

const ROOT = join(import.meta.dirname, '../..');
const tarball = inject('tarball');
const exec = promisify(execFile);

let unpacked: string;
let listing: readonly string[];

beforeAll(async () => {
  unpacked = await mkdtemp(join(tmpdir(), 'enginehouse-tarball-'));
  await exec('tar', ['-xzf', tarball, '-C', unpacked]);
  const { stdout } = await exec('tar', ['-tvzf', tarball]);
  listing = stdout.trimEnd().split('\n');
});

afterAll(() => rm(unpacked, { recursive: true, force: true }));

test('the tarball holds the build, the pages and nothing else', () => {
  const files = listing.map((line) => line.replace(/^.* package\//, ''));
  const strangers = files.filter(
    (file) =>
      !/^(?:dist\/.+\.(?:js|d\.ts|js\.map|html|css|svg|json|csv)|docs\/.+\.md|[A-Z]+(?:\.md)?|package\.json)$/.test(
        file,
      ),
  );

  expect(strangers).toEqual([]);
  expect(files.filter((file) => file.includes('.test.'))).toEqual([]);
  expect(files).toEqual(expect.arrayContaining(['package.json', 'README.md', 'LICENSE', 'CHANGELOG.md']));
});

test('the page that an error names is where the error says', () => {
  const { cure } = new ExecutionEngineFactoryError('FACTORY_NOT_CONFIGURED', 'no factory', {});
  const page = /\bnode_modules\/enginehouse\/(\S+)$/.exec(cure)?.[1] ?? 'none';

  expect(listing.map((line) => line.replace(/^.* package\//, ''))).toContain(page);
});

test('the command is executable and says with what', async () => {
  const mode = listing.find((line) => line.endsWith('package/dist/cli/main.js'))?.slice(0, 10);
  const source = await readFile(join(unpacked, 'package/dist/cli/main.js'), 'utf8');

  expect(mode).toBe('-rwxr-xr-x');
  expect(source.split('\n')[0]).toBe('#!/usr/bin/env node');
});

test.each(['index.js', 'server/index.js', 'client/index.js', 'cli/main.js'])(
  '%s never loads testing/',
  async (entry) => {
    const { files, packages } = await graphOf(entry);

    expect(files.filter((file) => file.startsWith('testing/'))).toEqual([]);
    expect(packages.filter((name) => /^(?:vitest|enginehouse)(?:$|\/)/.test(name))).toEqual([]);
  },
);

test('the client loads in a browser as it is: no package and nothing of Node', async () => {
  expect((await graphOf('client/index.js')).packages).toEqual([]);
});

test('what the package imports it depends on', async () => {
  const { dependencies } = JSON.parse(await readFile(join(unpacked, 'package/package.json'), 'utf8')) as {
    dependencies: Record<string, string>;
  };
  const entries = ['index.js', 'server/index.js', 'cli/main.js', 'testing/index.js', 'testing/node.js'];
  const graphs = await Promise.all(entries.map((entry) => graphOf(entry)));
  const packages = graphs.flatMap((graph) => graph.packages).filter((name) => !name.startsWith('node:'));
  const names = packages.map((name) => /^(?:@[^/]+\/)?[^/]+/.exec(name)?.[0] ?? name);

  expect([...new Set(names)].filter((name) => !Object.hasOwn(dependencies, name))).toEqual([]);
});

test('publint finds nothing', async () => {
  const { messages, pkg } = await publint({ pkgDir: join(unpacked, 'package'), pack: false, strict: true });

  expect(messages.map((message) => formatMessage(message, pkg, { color: false }))).toEqual([]);
});

test('the types of every door are found by those who import it', async () => {
  const attw = join(ROOT, 'node_modules/@arethetypeswrong/cli/dist/index.js');

  // It fails when it finds a problem; its report says where it has looked.
  const report = await node(ROOT, attw, tarball, '--profile', 'esm-only', '--format', 'json');
  const { analysis } = JSON.parse(report) as { analysis: { entrypoints: object } };

  expect(Object.keys(analysis.entrypoints)).toEqual(await doors());
});

async function doors(): Promise<string[]> {
  const { exports } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')) as { exports: object };
  return Object.keys(exports);
}

async function graphOf(entry: string): Promise<ImportGraph> {
  const dist = join(unpacked, 'package/dist');
  const { files, packages } = await importGraph(join(dist, entry));
  return { files: files.map((file) => relative(dist, file)), packages };
}
