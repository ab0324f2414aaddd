import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** The version in our own package.json. */
export function packageVersion(): string {
  return packageJson().version;
}

/** The oldest Node that runs us. */
export function leastNode(): string {
  return packageJson().engines.node.replace('>=', '');
}

/** Where the built page is, or `undefined` in a checkout that was not built. */
export function consoleFolder(): string | undefined {
  return (builtPage ??= { folder: findConsole() }).folder;
}

interface PackageJson {
  readonly version: string;
  readonly engines: { readonly node: string };
}

/** Looked at once: a process that tests boots thousands of runtimes. */
let manifest: PackageJson | undefined;
let builtPage: { readonly folder: string | undefined } | undefined;

function findConsole(): string | undefined {
  const folder = fileURLToPath(new URL('../../dist/console/', import.meta.url));
  return existsSync(folder) ? folder : undefined;
}

/** From src/ and from dist/ alike. */
function packageJson(): PackageJson {
  const file = new URL('../../package.json', import.meta.url);
  // A parse boundary: the file is our own.
  return (manifest ??= JSON.parse(readFileSync(file, 'utf8')) as PackageJson);
}
