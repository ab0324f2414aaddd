import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';

import { findConfig, loadConfig } from './load-config.ts';

async function folderWith(
  files: Readonly<Record<string, string>>,
): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await mkdtemp(join(tmpdir(), 'enginehouse-config-'));
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(path, name)), { recursive: true });
    await writeFile(join(path, name), text);
  }
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

test('a configuration is found upwards, as far as the first package.json', async () => {
  await using folder = await folderWith({
    'enginehouse.config.ts': '',
    'app/package.json': '{}',
    'app/src/deep/file.ts': '',
    'other/src/file.ts': '',
  });

  expect(findConfig(join(folder.path, 'other/src'))).toBe(join(folder.path, 'enginehouse.config.ts'));
  expect(findConfig(join(folder.path, 'app/src/deep'))).toBeUndefined();
});

test('what a file exports is loaded, TypeScript as it is', async () => {
  await using folder = await folderWith({
    'enginehouse.config.ts': 'const log: string = "silent";\nexport default { agents: [], log };\n',
  });

  const file = findConfig(folder.path) ?? '';

  expect(await loadConfig(file)).toEqual({ agents: [], log: 'silent' });
});

test.each([
  ['is not there', undefined, 'there is no such file'],
  ['does not parse', 'export default {', ''],
  ['throws', 'throw new Error("no otters here");', 'no otters here'],
  ['exports nothing', 'export const config = {};', 'no default export'],
  ['exports a list', 'export default [];', 'no default export'],
])('a file that %s is named, with the reason', async (_what, text, reason) => {
  await using folder = await folderWith(text === undefined ? {} : { 'enginehouse.config.mjs': text });
  const file = join(folder.path, 'enginehouse.config.mjs');

  await expect(loadConfig(file)).rejects.toMatchObject({
    code: 'CONFIG_NOT_LOADED',
    details: { file, reason: expect.stringContaining(reason) },
  });
});
