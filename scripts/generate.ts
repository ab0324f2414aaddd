/**
 * Writes the files that are made from the code: the lint configuration and the
 * pages of errors and limits. Tests compare each with what this would write.
 */

import { writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { format, resolveConfig } from 'prettier';
import { errorPage } from './error-page.ts';
import { limitPage } from './limit-page.ts';
import { lintConfig } from './lint-config.ts';

const MAKERS = {
  '.oxlintrc.json': () => JSON.stringify(lintConfig()),
  'docs/errors.md': errorPage,
  'docs/limits.md': limitPage,
} satisfies Record<string, () => string>;

export type GeneratedFile = keyof typeof MAKERS;

export const GENERATED = Object.keys(MAKERS) as readonly GeneratedFile[];

/** What `file` holds when it is current. */
export async function generate(file: GeneratedFile): Promise<string> {
  const filepath = pathOf(file);
  return format(MAKERS[file](), { ...(await resolveConfig(filepath)), filepath });
}

function pathOf(file: GeneratedFile): string {
  return fileURLToPath(new URL(`../${file}`, import.meta.url));
}

if (import.meta.main) {
  for (const file of GENERATED) await writeFile(pathOf(file), await generate(file));
}
