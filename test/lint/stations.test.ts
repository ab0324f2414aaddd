import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { FOLDERS, WAY, importsOf } from '../../scripts/stations.ts';

const SRC = join(import.meta.dirname, '../../src');

test('the picture in src/README.md draws the stations in the order of the import rule', async () => {
  const drawn = await picture();

  expect(drawn.filter((folder) => isOnTheWay(folder))).toEqual([...WAY]);
  expect(drawn.toSorted()).toEqual(FOLDERS.toSorted());
});

test('every folder of src/ is in the picture, and the picture has no other', async () => {
  const entries = await readdir(SRC, { withFileTypes: true });
  const folders = entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);

  expect(folders.toSorted()).toEqual(FOLDERS.toSorted());
});

test('no two folders may import each other', () => {
  const mutual = FOLDERS.flatMap((one) => importsOf(one).map((other) => [one, other] as const)).filter(
    ([one, other]) => one !== other && importsOf(other).includes(one),
  );

  expect(mutual).toEqual([]);
});

/** The names of the folders in the picture, top to bottom. */
async function picture(): Promise<string[]> {
  const readme = await readFile(join(SRC, 'README.md'), 'utf8');
  const block = readme.split('```')[1] ?? '';
  return [...block.matchAll(/\b([a-z]+)\/(?=\s|$)/g)].map(([, folder = '']) => folder);
}

function isOnTheWay(folder: string): boolean {
  return WAY.some((station) => station === folder);
}
