import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

import { EnginehouseError } from '../../base/errors.ts';
import type { Environment } from '../../startup/resolve-config.ts';

/** With which production entry a test's boot is compared. */
export interface ParityOptions {
  /**
   * The command that starts the application, such as `['node', 'src/main.ts']`. It listens where PORT says, which is 0,
   * keeps its data where ENGINEHOUSE_DATA says, and ends at SIGTERM.
   *
   * @default the words of ENGINEHOUSE_PARITY; else `enginehouse start`, with the project's own configuration
   */
  readonly entry?: readonly string[] | undefined;
  /** Where it runs. @default the folder that the runner works in */
  readonly cwd?: string | undefined;
  /** Variables that it needs beside the runner's own. DATABASE_URL is not passed on by itself. */
  readonly env?: Readonly<Record<string, string>> | undefined;
}

/** A production entry, decided. */
export interface ProductionEntry {
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  /** For a person. */
  readonly name: string;
}

/** Whether tests compare their boots by themselves. An explicit `assertBootedLikeProduction` always does. */
export function parityIsOn(env: Environment = process.env): boolean {
  return env[VARIABLE] !== 'off';
}

/** @throws `CONFIG_INVALID` when the entry has no words */
export function productionEntry(options: ParityOptions = {}, variables: Environment = process.env): ProductionEntry {
  const { cwd = process.cwd(), env = {} } = options;
  const words = options.entry ?? wordsOf(variables[VARIABLE]);
  const at = { cwd: resolve(cwd), env };
  if (words === undefined)
    return { ...at, command: process.execPath, args: [MAIN, ...START], name: 'enginehouse start' };
  const [command = '', ...args] = words;
  if (command === '') {
    const message = `the entry of parity (${VARIABLE}) must be a command such as ["node", "src/main.ts"], got ${JSON.stringify(words)}`;
    throw new EnginehouseError('CONFIG_INVALID', message, { option: 'parity.entry', received: words });
  }
  // The Node that runs the tests, not the one that happens to be first on the PATH.
  return { ...at, command: command === 'node' ? process.execPath : command, args, name: words.join(' ') };
}

const VARIABLE = 'ENGINEHOUSE_PARITY';
const START = ['start', '--json', '--host', '127.0.0.1', '--port', '0'];

/** The command of this very package: a source beside sources, built beside what is built. */
const MAIN = fileURLToPath(new URL(`../../cli/main.${import.meta.url.endsWith('.ts') ? 'ts' : 'js'}`, import.meta.url));

function wordsOf(text: string | undefined): readonly string[] | undefined {
  const words = text?.split(/\s+/).filter((word) => word !== '') ?? [];
  return words.length === 0 || text === 'on' || text === 'off' ? undefined : words;
}
