/**
 * Runs a suite's command to its end.
 *
 *   R1. It ends: past its time, and when we are interrupted, the command and all
 *       that it started are asked to end, and 5 s later, or with it, are ended.
 */

import { spawn, type ChildProcess } from 'node:child_process';

import { systemClock } from '../../base/clock.ts';
import { SuiteOutput } from './suite-output.ts';

export interface SuiteRun {
  readonly outcome: 'passed' | 'failed' | 'hung' | 'interrupted';
  /** How it ended, for a person. */
  readonly says: string;
  /** The first line that tells of a failure; `undefined` when it passed. */
  readonly firstFailure: string | undefined;
  readonly lastLines: readonly string[];
  readonly ms: number;
}

export interface SuiteOptions {
  readonly env: NodeJS.ProcessEnv;
  readonly timeoutMs: number;
  /** Ends it when it aborts. */
  readonly signal: AbortSignal;
}

type End = Pick<SuiteRun, 'outcome' | 'says'>;

const GRACE_MS = 5_000;
const LAST_WORDS_MS = 1_000;

/** Never rejects. */
export async function runSuite(command: readonly string[], options: SuiteOptions): Promise<SuiteRun> {
  const { env, timeoutMs, signal } = options;
  const startedAt = performance.now();
  const [file = '', ...args] = command;
  const child = spawn(file, args, { env, stdio: ['ignore', 'pipe', 'pipe'], detached: HAS_GROUPS });
  const output = new SuiteOutput();
  output.hear(child.stdout);
  output.hear(child.stderr);
  using stack = new DisposableStack();
  let stopped: End | undefined;
  const stop = (end: End): void => {
    stopped ??= end;
    kill(child, 'SIGTERM');
    stack.defer(systemClock.after(GRACE_MS, () => kill(child, 'SIGKILL')));
  };
  const says = `it did not end within ${timeoutMs / 1_000} s`;
  stack.defer(systemClock.after(timeoutMs, () => stop({ outcome: 'hung', says })));
  const interrupt = (): void => stop({ outcome: 'interrupted', says: 'it was interrupted' });
  if (signal.aborted) interrupt();
  signal.addEventListener('abort', interrupt, { once: true });
  stack.defer(() => signal.removeEventListener('abort', interrupt));
  const ended = await endOf(child);
  // Whoever of its group did not hear.
  if (stopped !== undefined) kill(child, 'SIGKILL');
  const end = stopped ?? ended;
  const firstFailure = end.outcome === 'passed' ? undefined : output.firstFailure;
  return { ...end, firstFailure, lastLines: output.lastLines, ms: performance.now() - startedAt };
}

function endOf(child: ChildProcess): Promise<End> {
  return new Promise((resolve) => {
    const end = (code: number | null, by: NodeJS.Signals | null): void =>
      resolve({
        outcome: code === 0 ? 'passed' : 'failed',
        says: by === null ? `exit code ${code}` : `ended by ${by}`,
      });
    child.once('error', ({ message }) => resolve({ outcome: 'failed', says: message }));
    child.once('close', end);
    // What it left behind may hold its outputs open.
    child.once('exit', (code, by) => systemClock.after(LAST_WORDS_MS, () => end(code, by)));
  });
}

/** R1: a runner's workers are of its group. */
const HAS_GROUPS = process.platform !== 'win32';

function kill(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined) return;
  try {
    if (HAS_GROUPS) process.kill(-child.pid, signal);
    else child.kill(signal);
  } catch {
    // It has ended by now.
  }
}
