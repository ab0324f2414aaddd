/**
 * Which folder of src/ may import which, for the lint rules. src/README.md draws
 * the same as a picture, and test/lint compares the two.
 */

/** The way of a run, top to bottom: a station may import itself and what stands below it. */
export const WAY = ['startup', 'server', 'factory', 'engine', 'agent', 'tool', 'event', 'context', 'base'] as const;

/** What stands beside the way, and the folders that it may import. */
const BESIDE = {
  store: ['event', 'context', 'base'],
  bridge: ['event', 'context', 'base'],
  analyst: ['agent', 'tool', 'event', 'context', 'base'],
  client: ['context', 'base'],
  cli: ['analyst', 'client', 'store', 'bridge', ...WAY],
  testing: ['client', 'store', 'bridge', ...WAY],
} as const satisfies Record<string, readonly string[]>;

/** Only the root puts the adapters and the built-in agents together; src/index.ts shows them to users. */
const ROOT_ONLY = ['store', 'bridge', 'analyst'];

export const FOLDERS: readonly string[] = [...WAY, ...Object.keys(BESIDE)];

/** The folders of src/ that `folder` may import, itself included. '.' is src/ itself, where the front door is. */
export function importsOf(folder: string): readonly string[] {
  if (folder === '.') return [...WAY, ...ROOT_ONLY];
  const beside: Readonly<Record<string, readonly string[]>> = BESIDE;
  const listed = beside[folder];
  if (listed !== undefined) return [folder, ...listed];
  const below = WAY.slice(WAY.findIndex((station) => station === folder));
  return folder === 'startup' ? [...below, ...ROOT_ONLY] : below;
}
