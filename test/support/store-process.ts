import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

const CHILD = new URL('./fixture/store-child.ts', import.meta.url).pathname;

/** A process of its own on a data folder or a database; see `fixture/store-child.ts` for what it can do. */
export class StoreProcess implements AsyncDisposable {
  /** What it said so far, one fact a line. */
  readonly facts: string[] = [];
  readonly #child: ChildProcess;
  readonly #ended: Promise<unknown>;
  readonly #said: Promise<unknown>;

  constructor(what: 'hold' | 'append' | 'leave', where: string) {
    const child = spawn(process.execPath, [CHILD, what, where], { stdio: ['pipe', 'pipe', 'inherit'] });
    const lines = createInterface({ input: child.stdout });
    lines.on('line', (line) => this.facts.push(line));
    this.#said = once(lines, 'close');
    this.#ended = once(child, 'exit');
    this.#child = child;
  }

  /** How it ended, once it has and everything that it said is known. */
  async ended(): Promise<number | NodeJS.Signals | null> {
    await Promise.all([this.#ended, this.#said]);
    return this.#child.signalCode ?? this.#child.exitCode;
  }

  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.ended();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.kill();
  }
}
