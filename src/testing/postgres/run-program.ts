import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

import { EnginehouseError } from '../../base/errors.ts';
import type { ServerUser } from './server-user.ts';

const execute = promisify(execFile);

export interface ProgramOptions {
  readonly timeoutMs: number;
  readonly user?: ServerUser | undefined;
  /** Added to an environment that holds nothing but what a program cannot do without. */
  readonly env?: Readonly<Record<string, string>>;
}

/** What a program of PostgreSQL is given of the environment: none of the PG… variables, which would change what it does. */
export function programEnvironment(more: Readonly<Record<string, string>> = {}): Record<string, string> {
  const { PATH = '', SystemRoot = '' } = process.env;
  return { PATH, ...(SystemRoot === '' ? {} : { SystemRoot }), LC_ALL: 'C', ...more };
}

/**
 * Runs a program to its end and resolves with what it printed.
 *
 * @throws `DEADLINE` when it did not end in time and was killed, `POSTGRES_NOT_STARTED` with its own words when it failed.
 */
export async function runProgram(file: string, args: readonly string[], options: ProgramOptions): Promise<string> {
  const { timeoutMs, user, env } = options;
  const running = execute(file, args, {
    timeout: timeoutMs,
    killSignal: 'SIGKILL',
    cwd: '/',
    env: programEnvironment(env),
    ...user,
  });
  try {
    return (await running).stdout;
  } catch (error) {
    throw failure(file, timeoutMs, error);
  }
}

/** The last words of a long text, where a program says why it gave up. */
export function lastWords(text: string): string {
  return text.trim().slice(-1_000);
}

function failure(what: string, timeoutMs: number, error: unknown): EnginehouseError {
  const { killed = false, stderr = '', message = '' } = error as Partial<Record<string, string>> & { killed?: boolean };
  if (killed) {
    return new EnginehouseError('DEADLINE', `${what} did not end within ${timeoutMs} ms`, { what, timeoutMs });
  }
  const reason = lastWords(stderr === '' ? message : stderr);
  const details = { step: what, reason };
  return new EnginehouseError('POSTGRES_NOT_STARTED', `${what} failed: ${reason}`, details, { cause: error });
}
