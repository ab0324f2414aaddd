import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

const CHILD = new URL('./fixture/data-child.ts', import.meta.url).pathname;

/** A process of its own that uses a user's database; see `fixture/data-child.ts` for what it can do. */
export class DataProcess implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #said: Promise<string>;
  readonly #ended: Promise<unknown>;

  constructor(what: 'leave' | 'loop', folder: string) {
    const child = spawn(process.execPath, [CHILD, what, folder], { stdio: ['ignore', 'pipe', 'inherit'] });
    this.#said = once(createInterface({ input: child.stdout }), 'line').then(([line]) => String(line));
    this.#ended = once(child, 'exit');
    this.#child = child;
  }

  /** The process ids of its database workers. */
  async workers(): Promise<readonly number[]> {
    return (await this.#said).split(' ').map(Number);
  }

  async ended(): Promise<number | NodeJS.Signals | null> {
    await this.#ended;
    return this.#child.signalCode ?? this.#child.exitCode;
  }

  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#ended;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.kill();
  }
}

export function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
