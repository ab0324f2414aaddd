import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { init, parse } from 'es-module-lexer';

/** What an entry loads, statically or later: its own files, and the specifiers of packages and built-in modules. */
export interface ImportGraph {
  readonly files: readonly string[];
  readonly packages: readonly string[];
}

/** Walks the imports from `entry`, a file of emitted JavaScript. */
export async function importGraph(entry: string): Promise<ImportGraph> {
  await init;
  const files = new Set([entry]);
  const packages = new Set<string>();
  // A set hands out what is added to it while it is walked.
  for (const file of files) {
    const [imports] = parse(await readFile(file, 'utf8'), file);
    for (const { n: specifier } of imports) {
      if (specifier?.startsWith('.')) files.add(join(dirname(file), specifier));
      else if (specifier !== undefined) packages.add(specifier);
    }
  }
  return { files: [...files], packages: [...packages] };
}
