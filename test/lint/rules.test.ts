/**
 * A check can pass by checking nothing, so each rule is seen to bite: the
 * fixture is a small house that breaks them, where a comment at the end of a
 * line names what must refuse it. Nothing else may be refused.
 */

import { cp, glob, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { FOLDERS, importsOf } from '../../scripts/stations.ts';
import { lint, type Finding } from './oxlint.ts';

const ROOT = join(import.meta.dirname, '../..');
const FIXTURE = join(import.meta.dirname, 'fixture');

test('each rule refuses the lines that break it, and no other line', async () => {
  await using house = await House.open();
  await cp(FIXTURE, house.root, { recursive: true });

  const findings = await lint(house.root, 'src', 'console');

  expect(sorted(findings)).toEqual(sorted(await marked(house.root)));
});

test('each folder imports what the order of the stations allows, and nothing else', async () => {
  await using house = await House.open();
  for (const folder of FOLDERS) {
    await house.write(`src/${folder}/probe.ts`, FOLDERS.map((other) => `import '../${other}/part.ts';\n`).join(''));
    await house.write(
      `src/${folder}/deep/probe.ts`,
      FOLDERS.map((other) => `import '../../${other}/part.ts';\n`).join(''),
    );
  }
  await house.write('src/probe.ts', FOLDERS.map((other) => `import './${other}/part.ts';\n`).join(''));

  const findings = await lint(house.root, 'src');

  const refused = ['.', ...FOLDERS].flatMap((folder) => {
    const files = folder === '.' ? ['src/probe.ts'] : [`src/${folder}/probe.ts`, `src/${folder}/deep/probe.ts`];
    const lines = FOLDERS.flatMap((other, index) => (importsOf(folder).includes(other) ? [] : [index + 1]));
    return files.flatMap((file) =>
      lines.map((line) => ({ at: `${file}:${line}`, rule: 'eslint(no-restricted-imports)' })),
    );
  });
  expect(sorted(findings)).toEqual(sorted(refused));
});

test('a file stops at 400 lines of code, where comments and blank lines are free', async () => {
  await using house = await House.open();
  const code = Array.from({ length: 401 }, (_, line) => `export const a${line} = ${line};\n`);
  await house.write('src/tool/too-long.ts', code.join(''));
  await house.write('src/tool/well-explained.ts', code.slice(1).join('// why\n\n'));

  const findings = await lint(house.root, 'src');

  expect(findings.map(({ at, rule }) => `${at.split(':')[0]} ${rule}`)).toEqual([
    'src/tool/too-long.ts eslint(max-lines)',
  ]);
});

/** A temporary folder with the project's own lint configuration, packages and nothing else. */
class House implements AsyncDisposable {
  readonly root: string;

  private constructor(root: string) {
    this.root = root;
  }

  static async open(): Promise<House> {
    const house = new House(await mkdtemp(join(tmpdir(), 'enginehouse-lint-')));
    await cp(join(ROOT, '.oxlintrc.json'), join(house.root, '.oxlintrc.json'));
    await cp(join(FIXTURE, 'tsconfig.json'), join(house.root, 'tsconfig.json'));
    await symlink(join(ROOT, 'node_modules'), join(house.root, 'node_modules'));
    return house;
  }

  async write(path: string, text: string): Promise<void> {
    const file = join(this.root, path);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, text);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.root, { recursive: true, force: true });
  }
}

/** What the comments of the fixture say must be found. */
async function marked(root: string): Promise<Finding[]> {
  const findings: Finding[] = [];
  for await (const file of glob('{src,console}/**/*.ts', { cwd: root })) {
    const lines = (await readFile(join(root, file), 'utf8')).split('\n');
    for (const [index, line] of lines.entries()) {
      const rules = / \/\/ refused: (?<rules>.+)$/.exec(line)?.groups?.['rules']?.split(' ') ?? [];
      findings.push(...rules.map((rule) => ({ at: `${file}:${index + 1}`, rule })));
    }
  }
  return findings;
}

function sorted(findings: readonly Finding[]): string[] {
  return [...new Set(findings.map(({ at, rule }) => `${at} ${rule}`))].toSorted();
}
