import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** The version in our own package.json, from src/ and from dist/ alike. */
export function packageVersion(): string {
  const file = new URL('../../package.json', import.meta.url);
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
}

/** Where the built page is, or `undefined` in a checkout that was not built. */
export function consoleFolder(): string | undefined {
  const folder = fileURLToPath(new URL('../../dist/console/', import.meta.url));
  return existsSync(folder) ? folder : undefined;
}
