import { extname } from 'node:path';

/** The file of a module beside the one at `url`: `.ts` in the sources, `.js` in what was built of them. */
export function siblingModule(url: string, name: string): URL {
  return new URL(`./${name}${extname(url)}`, url);
}
