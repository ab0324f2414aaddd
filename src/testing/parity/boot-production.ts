/**
 * Runs a production entry as what it is, a process, until it has written its
 * boot trace, and ends it as an operator would.
 *
 *   E1. Its port is a free one, its data a folder that goes with it; nothing of
 *       the test runner is in its environment.
 *   E2. It is waited for, and ended, in bounded time; it never outlives this process.
 */

import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';

import { holdingClock, sleep, systemClock } from '../../base/clock.ts';
import { withDeadline } from '../../base/deadline.ts';
import { EnginehouseError } from '../../base/errors.ts';
import type { ComparedBoot } from './compare-boots.ts';
import type { ProductionEntry } from './production-entry.ts';

/** Milliseconds that an entry has to be up: it may migrate, and the machine may be busy. */
const UP_MS = 30_000;
/** And then to end. */
const END_MS = 10_000;
const LOOK_MS = 15;
/** What its outputs have, once it has ended, to say the rest. */
const LAST_WORDS_MS = 250;
/** Characters of its last words. */
const WORDS_LENGTH = 2_000;

const names = z.array(z.string());
const bootTrace = z.object({
  phases: z.array(z.object({ phase: z.string(), consumed: names, provided: names })),
  seams: names,
});

/** @throws `PRODUCTION_NOT_STARTED` with its last words */
export async function bootProduction(entry: ProductionEntry, timeoutMs: number = UP_MS): Promise<ComparedBoot> {
  await using stack = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), 'enginehouse-parity-'));
  stack.defer(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }));
  const file = join(folder, 'trace.json');
  const started = stack.use(new EntryProcess(entry, environment(entry.env, join(folder, 'data'), file)));
  const until = holdingClock.now() + timeoutMs;
  for (;;) {
    const text = await readFile(file, 'utf8').catch(() => undefined);
    if (text !== undefined) return parseTrace(text);
    if (started.end !== undefined) throw started.failure(started.end);
    if (holdingClock.now() > until) throw started.failure(`it wrote no boot trace within ${timeoutMs} ms`);
    await sleep(holdingClock, LOOK_MS);
  }
}

/** The trace that an entry wrote, or that was kept of it. @throws when it is none */
export function parseTrace(text: string): ComparedBoot {
  return bootTrace.parse(JSON.parse(text));
}

class EntryProcess implements AsyncDisposable {
  readonly #name: string;
  readonly #child: ChildProcess;
  readonly #closed = Promise.withResolvers<void>();
  readonly #kill = (): void => void this.#child.kill('SIGKILL');
  #words = '';
  /** How it ended, once it has. */
  end: string | undefined;

  constructor({ command, args, cwd, name }: ProductionEntry, env: NodeJS.ProcessEnv) {
    this.#name = name;
    this.#child = spawn(command, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream
        ?.setEncoding('utf8')
        .on('data', (text: string) => (this.#words = (this.#words + text).slice(-WORDS_LENGTH)));
    }
    this.#child.once('error', ({ message }) => this.#ended(message));
    const ended = (code: number | null, signal: string | null): void =>
      this.#ended(`it ended with ${signal ?? `exit code ${code}`}`);
    this.#child.once('close', ended);
    // What it started itself may hold its outputs open.
    this.#child.once('exit', (code, signal) => systemClock.after(LAST_WORDS_MS, () => ended(code, signal)));
    process.once('exit', this.#kill);
  }

  failure(reason: string): EnginehouseError {
    const words = this.#words.trim();
    const message = `the production entry \`${this.#name}\` did not boot: ${reason}${words === '' ? '' : `; it said: ${words}`}`;
    return new EnginehouseError('PRODUCTION_NOT_STARTED', message, { entry: this.#name, reason });
  }

  /** E2 */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.end === undefined) this.#child.kill('SIGTERM');
    const what = `the end of \`${this.#name}\``;
    await withDeadline(what, END_MS, holdingClock, this.#closed.promise).catch(() => this.#kill());
    await this.#closed.promise;
  }

  #ended(how: string): void {
    this.end ??= how;
    process.off('exit', this.#kill);
    this.#closed.resolve();
  }
}

/** What a runner tells its own workers. */
const OF_A_RUNNER =
  /^(?:VITEST|VITE_|JEST_|PLAYWRIGHT_|NODE_TEST_CONTEXT$|NODE_V8_COVERAGE$|TEST$|DEV$|PROD$|MODE$|SSR$|BASE_URL$)/;
const OF_THE_HOUSE = ['DATABASE_URL', 'ENGINEHOUSE_SABOTAGE', 'ENGINEHOUSE_SABOTAGE_REPORT', 'ENGINEHOUSE_TEST_STORE'];

/** E1 */
function environment(own: Readonly<Record<string, string>>, data: string, trace: string): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(
    ([name, value]) =>
      !OF_A_RUNNER.test(name) && !OF_THE_HOUSE.includes(name) && !(name === 'NODE_ENV' && value === 'test'),
  );
  return {
    ...Object.fromEntries(kept),
    HOST: '127.0.0.1',
    PORT: '0',
    ENGINEHOUSE_DATA: data,
    ...own,
    ENGINEHOUSE_BOOT_TRACE: trace,
  };
}
