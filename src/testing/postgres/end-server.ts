import { readFile } from 'node:fs/promises';

import { holdingClock, sleep, systemClock } from '../../base/clock.ts';
import { EnginehouseError } from '../../base/errors.ts';
import { runProgram } from './run-program.ts';
import { readPid } from './server-state.ts';

/** A server waits five seconds for its own processes. */
const QUIT_MS = 10_000;
const KILL_MS = 5_000;
const LOOK_MS = 5;

/**
 * Ends the server that runs on a data folder, if one does, and resolves when it
 * is gone. Its data is thrown away, so it is not asked to save anything.
 *
 * @throws `DEADLINE` when it is still there after it was killed.
 */
export async function endServer(data: string): Promise<void> {
  const pid = await readPid(data);
  // The number in a file that a crash left may by now be anybody's.
  if (pid === undefined || !(await runsOn(pid, data))) return;
  signal(pid, 'SIGQUIT');
  // One that was stopped (SIGSTOP) hears nothing until it goes on.
  signal(pid, 'SIGCONT');
  if (await isGone(pid, data, QUIT_MS)) return;
  signal(pid, 'SIGKILL');
  if (await isGone(pid, data, KILL_MS)) return;
  const what = `killing the PostgreSQL server with process id ${pid}`;
  throw new EnginehouseError('DEADLINE', `${what} did not end within ${KILL_MS} ms`, { what, timeoutMs: KILL_MS });
}

async function isGone(pid: number, data: string, timeoutMs: number): Promise<boolean> {
  const until = systemClock.now() + timeoutMs;
  while (await isAlive(pid, data)) {
    if (systemClock.now() > until) return false;
    await sleep(holdingClock, LOOK_MS);
  }
  return true;
}

/** A process that has ended keeps its number until its parent asks, and in a container that may be never; it has no command then. */
async function isAlive(pid: number, data: string): Promise<boolean> {
  return signal(pid, 0) && (process.platform !== 'linux' || (await runsOn(pid, data)));
}

function signal(pid: number, what: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(pid, what);
  } catch {
    return false;
  }
}

async function runsOn(pid: number, data: string): Promise<boolean> {
  const command =
    process.platform === 'linux'
      ? await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')
      : await runProgram('ps', ['-ww', '-o', 'command=', '-p', String(pid)], { timeoutMs: KILL_MS }).catch(() => '');
  return command.includes(data);
}
