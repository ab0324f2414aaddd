/**
 * A run of the real Vitest in a process of its own, over one of the projects in
 * test/kit/projects. What it exits with and what it prints is what a user has.
 */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';

const ROOT = join(import.meta.dirname, '../..');
const VITEST = join(ROOT, 'node_modules/vitest/vitest.mjs');
const CONFIG = join(import.meta.dirname, 'projects/vitest.config.ts');
const LIVES_MS = 60_000;

const report = z.object({
  testResults: z.array(
    z.object({
      assertionResults: z.array(
        z.object({ fullName: z.string(), status: z.string(), failureMessages: z.array(z.string()).nullish() }),
      ),
    }),
  ),
});

export interface VitestRun {
  readonly exitCode: number | null;
  /** All that it printed, without colours. */
  readonly output: string;
  /** How each test ended, by its full name. */
  readonly tests: ReadonlyMap<string, { readonly status: string; readonly errors: string }>;
}

export interface VitestOptions {
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** The folder of the project. @default the one of that name in test/kit/projects */
  readonly folder?: string;
}

/** Runs `vitest run` in the project. @throws when it does not end within a minute */
export async function runVitest(project: string, options: VitestOptions = {}): Promise<VitestRun> {
  const { args = [], env = {}, folder = join(import.meta.dirname, 'projects', project) } = options;
  const results = await mkdtemp(join(tmpdir(), 'enginehouse-child-run-'));
  const file = join(results, 'results.json');
  try {
    const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${file}`];
    const child = spawn(
      process.execPath,
      [VITEST, 'run', '--root', folder, '--config', CONFIG, ...reporters, ...args],
      {
        cwd: folder,
        env: { ...inherited(), NO_COLOR: '1', ...env },
        stdio: ['ignore', 'pipe', 'pipe'],
        timeout: LIVES_MS,
        killSignal: 'SIGKILL',
      },
    );
    let output = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (output += text));
    const [exitCode, signal] = (await once(child, 'close')) as [number | null, string | null];
    if (signal !== null) throw new Error(`the run of ${project} was ended by ${signal}\n${output}`);
    return { exitCode, output, tests: testsOf(await readFile(file, 'utf8')) };
  } finally {
    await rm(results, { recursive: true, force: true });
  }
}

function testsOf(json: string): VitestRun['tests'] {
  const tests = report.parse(JSON.parse(json)).testResults.flatMap(({ assertionResults }) => assertionResults);
  return new Map(
    tests.map(({ fullName, status, failureMessages }) => [
      fullName,
      { status, errors: (failureMessages ?? []).join('\n') },
    ]),
  );
}

/** Nothing of the Vitest that runs these tests. */
function inherited(): NodeJS.ProcessEnv {
  const mine = /^(?:VITEST|VITE_|TEST$|DEV$|PROD$|MODE$|SSR$|BASE_URL$|NODE_ENV$|NODE_OPTIONS$|ENGINEHOUSE_STRICT$)/;
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !mine.test(name)));
}
