/**
 * The real `enginehouse` command, from its source, in a process of its own with
 * no environment but what the test gives it.
 */

import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const MAIN = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));
const LIVES_MS = 25_000;

/** Half of a short command's time is compiling what the one before it compiled too. */
const COMPILE_CACHE = fileURLToPath(new URL('../../node_modules/.cache/enginehouse-compile', import.meta.url));

export interface CommandOptions {
  readonly cwd: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly stdin?: string;
  /** The built command instead of the source. */
  readonly main?: string;
  /** Milliseconds after which it is killed. @default 25_000 */
  readonly livesMs?: number;
}

export interface Ended {
  /** Or the signal that ended it. */
  readonly exitCode: number | NodeJS.Signals;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command to its end. */
export function enginehouse(args: readonly string[], options: CommandOptions): Promise<Ended> {
  return new Command(args, options).ended;
}

/** A command that a test does something to while it runs. Disposing it kills it. */
export class Command implements AsyncDisposable {
  readonly ended: Promise<Ended>;
  readonly #child: ChildProcess;
  readonly #listeners = new Set<() => void>();
  #stdout = '';
  #stderr = '';

  constructor(args: readonly string[], { cwd, env = {}, stdin = '', main = MAIN, livesMs = LIVES_MS }: CommandOptions) {
    const child = spawn(process.execPath, [main, ...args], {
      cwd,
      env: { NODE_COMPILE_CACHE: COMPILE_CACHE, ...env },
      timeout: livesMs,
      killSignal: 'SIGKILL',
    });
    this.#child = child;
    child.stdout.setEncoding('utf8').on('data', (text: string) => this.#hear((this.#stdout += text)));
    child.stderr.setEncoding('utf8').on('data', (text: string) => this.#hear((this.#stderr += text)));
    // A command that does not read it may have ended first.
    child.stdin.on('error', () => undefined).end(stdin);
    this.ended = this.#end();
  }

  get stdout(): string {
    return this.#stdout;
  }

  /** Resolves with what matched, once standard output or error has said it. */
  async said(pattern: RegExp): Promise<string> {
    const { promise, resolve } = Promise.withResolvers<string>();
    const look = (): void => {
      const matched = pattern.exec(this.#stdout)?.[0] ?? pattern.exec(this.#stderr)?.[0];
      if (matched !== undefined) resolve(matched);
    };
    this.#listeners.add(look);
    look();
    const never = this.ended.then(({ stdout, stderr }): never => {
      throw new Error(`it ended and never said ${String(pattern)}:\n${stdout}${stderr}`);
    });
    return Promise.race([promise, never]).finally(() => this.#listeners.delete(look));
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.kill('SIGKILL');
    await this.ended;
  }

  #hear(_said: string): void {
    for (const listener of this.#listeners) listener();
  }

  async #end(): Promise<Ended> {
    const [exitCode, signal] = (await once(this.#child, 'close')) as [number | null, NodeJS.Signals | null];
    return { exitCode: exitCode ?? signal ?? 'SIGKILL', stdout: this.#stdout, stderr: this.#stderr };
  }
}

/** What `enginehouse start --json` prints. */
export interface Started {
  readonly url: string;
  readonly recoveredRuns: number;
  readonly development: boolean;
}

/** A server that the command started. */
export class ServerCommand extends Command {
  /** Resolves once it is ready. */
  async ready(): Promise<Started> {
    return JSON.parse(await this.said(/^\{.*\}$/m)) as Started;
  }
}

export function startServer(options: CommandOptions, ...args: readonly string[]): ServerCommand {
  return new ServerCommand(['start', '--json', ...args], options);
}

/** A folder of the test's own, gone after it. */
export class Folder implements AsyncDisposable {
  readonly path: string;

  private constructor(path: string) {
    this.path = path;
  }

  static async open(): Promise<Folder> {
    return new Folder(await mkdtemp(join(tmpdir(), 'enginehouse-command-')));
  }

  join(...parts: readonly string[]): string {
    return join(this.path, ...parts);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.path, { recursive: true, force: true });
  }
}
