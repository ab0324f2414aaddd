/** The tarball, installed in an empty folder, as its users have it. */

import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { node, npm } from './processes.ts';

const ROOT = join(import.meta.dirname, '../..');
const DOORS = [
  'enginehouse',
  'enginehouse/server',
  'enginehouse/client',
  'enginehouse/testing',
  'enginehouse/testing/node',
];
const VITEST_DOORS = ['enginehouse/testing/vitest', 'enginehouse/testing/vitest/setup'];
const INSTALL = ['install', '--prefer-offline', '--no-audit', '--no-fund'];

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'enginehouse-installed-'));
  await write('package.json', JSON.stringify({ name: 'application', private: true, type: 'module' }));
  await npm(folder, ...INSTALL, inject('tarball'));
});

afterAll(() => rm(folder, { recursive: true, force: true }));

test('it brings no test runner', async () => {
  const { packages } = JSON.parse(await readFile(join(folder, 'package-lock.json'), 'utf8')) as { packages: object };

  expect(Object.keys(packages).filter((path) => /\/(?:vitest|typescript|node)$/.test(path))).toEqual([]);
});

test('every door opens, and importing it does nothing', async () => {
  await write(
    'doors.js',
    `for (const door of ${JSON.stringify(DOORS)}) {
       const names = Object.keys(await import(door));
       if (names.length === 0 || names.includes('default')) throw new Error(door + ' exports ' + names);
     }
     console.log(process.getActiveResourcesInfo().filter((kind) => /Timeout|TCP|Worker|Message/.test(kind)).length);`,
  );

  expect(await node(folder, 'doors.js')).toBe('0\n');
});

test('the command runs and says its version', async () => {
  const { version } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')) as { version: string };

  expect(await node(folder, 'node_modules/enginehouse/dist/cli/main.js', '--version')).toBe(`${version}\n`);
  expect(await npm(folder, 'exec', '--', 'enginehouse', '--version')).toBe(`${version}\n`);
});

test('an application that imports every door compiles, also where it looks into the types', async () => {
  const doors = [...DOORS, ...VITEST_DOORS.slice(0, 1)];
  await npm(
    folder,
    ...INSTALL,
    '--save-dev',
    `vitest@${await ownVersion('vitest')}`,
    `@types/node@${await ownVersion('@types/node')}`,
  );
  await write('doors.ts', doors.map((door, at) => `export * as door${at} from '${door}';\n`).join(''));
  await write(
    'tsconfig.json',
    JSON.stringify({
      compilerOptions: {
        target: 'es2024',
        lib: ['es2024', 'esnext.disposable', 'dom'],
        module: 'nodenext',
        types: ['node'],
        strict: true,
        noEmit: true,
      },
      files: ['doors.ts'],
    }),
  );
  const tsc = join(ROOT, 'node_modules/typescript/bin/tsc');

  const said = await node(folder, tsc, '-p', '.').catch(String);

  expect(said.split('\n').filter((line) => /^(?:doors\.ts|node_modules\/enginehouse\/)/.test(line))).toEqual([]);
});

test('the fixtures open in Vitest', async () => {
  await write(
    'doors.test.js',
    `import { expect, test } from 'vitest';
     import ${JSON.stringify(VITEST_DOORS[1])};
     import * as kit from ${JSON.stringify(VITEST_DOORS[0])};
     test('the kit is there', () => expect(kit.test).toBeTypeOf('function'));`,
  );

  expect(await node(folder, 'node_modules/vitest/vitest.mjs', 'run', '--reporter=tap-flat')).toContain('ok 1 - ');
});

async function write(file: string, text: string): Promise<void> {
  await writeFile(join(folder, file), text);
}

async function ownVersion(name: string): Promise<string> {
  const { version } = JSON.parse(await readFile(join(ROOT, 'node_modules', name, 'package.json'), 'utf8')) as {
    version: string;
  };
  return version;
}
