/**
 * The recipes of examples/ as their users have them: on the packed tarball, each
 * run by its own command with the real runner. They are one npm workspace here,
 * so that one installation is enough for all.
 */

import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, inject, test, vi } from 'vitest';
import { testWithChromium } from '../support/requirements.ts';
import { node, npm } from './processes.ts';

const ROOT = join(import.meta.dirname, '../..');
const RECIPES = ['vitest', 'node-test', 'playwright'] as const;
const PUBLISHED = '"enginehouse": "^0.1.0"';
/** What a run leaves beside its files. */
const LEFT_BEHIND = ['node_modules', 'package-lock.json', '.enginehouse', 'test-results'];

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'enginehouse-recipes-'));
  const root = { name: 'recipes', private: true, workspaces: RECIPES, allowScripts: { node: true } };
  await writeFile(join(folder, 'package.json'), JSON.stringify(root));
  for (const recipe of RECIPES) await copy(recipe);
  await npm(folder, 'install', '--prefer-offline', '--no-audit', '--no-fund');
});

afterAll(() => rm(folder, { recursive: true, force: true }));

beforeEach(() => void vi.stubEnv('FORCE_COLOR', '0'));
afterEach(() => void vi.unstubAllEnvs());

test('with Vitest', async () => {
  const said = await npm(join(folder, 'vitest'), 'test', '--', '--reporter=tap-flat');

  expect(titlesIn(said, /^ok \d+ - test\/\S+ > (?:.* > )?(.*?) # time/gm)).toEqual([
    'a connection that drops in the middle of a run costs its user nothing',
    'a crowd works at once, and none sees what another writes',
    'a model that falls silent ends its run after ten minutes, which take no time',
    'a model that refuses the key fails the run, and nothing is said',
    'a process that is killed leaves its run to the next one',
    'a store that fails after it wrote makes the run go on, and nothing twice',
    'an agent runs without a connection too, by an engine of its user',
    'code that asks for the factory by itself finds that of its test',
    'the first has users of its own',
    'the librarian answers from the notes of its user',
    'the second has users of its own',
    'the test booted what production boots',
    'two users at once have each their own notes and answers',
    'wherever the process dies, the run ends in the same way',
    'who asks nothing is told nothing',
  ]);
});

test('with node:test', async () => {
  const said = await npm(join(folder, 'node-test'), 'test');

  expect(titlesIn(said, /^✔ (.*) \([\d.]+ms\)$/gm)).toEqual([
    'a connection that drops in the middle of a run costs its user nothing',
    'a parcel gets a label',
    'a service that keeps silent ends the run after ten seconds, which take no time',
    'the first of the tests that share a runtime has users of its own',
    'the second of the tests that share a runtime has users of its own',
    'who sends nothing is told nothing',
  ]);
});

testWithChromium('with Playwright, in a browser', async (chromiumPath) => {
  vi.stubEnv('CHROMIUM_PATH', chromiumPath);

  const said = await npm(join(folder, 'playwright'), 'test');

  expect(titlesIn(said, /^ +\S+ +\d+ \S+ › (.*) \([\d.]+m?s\)$/gm)).toEqual([
    'a page that is opened again shows the run from its log',
    'two people see each their own run, live',
    'who loses the network misses nothing, and sees nothing twice',
  ]);
});

test.each(RECIPES)('%s compiles', async (recipe) => {
  const tsc = join(ROOT, 'node_modules/typescript/bin/tsc');

  expect(await node(join(folder, recipe), tsc, '-p', '.', '--typeRoots', join(ROOT, 'node_modules/@types'))).toBe('');
});

/** A folder of examples/ as somebody else has it. */
async function copy(recipe: string): Promise<void> {
  const target = join(folder, recipe);
  await cp(join(ROOT, 'examples', recipe), target, {
    recursive: true,
    filter: (path) => !LEFT_BEHIND.includes(basename(path)),
  });
  const manifest = join(target, 'package.json');
  const text = await readFile(manifest, 'utf8');
  if (!text.includes(PUBLISHED)) throw new Error(`${manifest} has no line ${PUBLISHED}`);
  await writeFile(manifest, text.replace(PUBLISHED, `"enginehouse": "file:${inject('tarball')}"`));
}

/** The titles of the tests that passed, in the order of the alphabet: files run at once. The exit code was 0. */
function titlesIn(said: string, passed: RegExp): readonly string[] {
  return [...said.matchAll(passed)].map(([, title = '']) => title).toSorted();
}
