import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

import type { TestPostgresOptions } from '../../src/testing/postgres/postgres-options.ts';

const CHILD = new URL('./fixture/postgres-child.ts', import.meta.url).pathname;

/** What it was given, or the JSON of the error instead. */
export interface Given {
  readonly adminUrl: string;
  readonly tcpUrl: string;
  readonly version: string;
  readonly source: string;
}

/** A process of its own that holds a PostgreSQL server; see `fixture/postgres-child.ts`. */
export class PostgresProcess implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;
  readonly #ended: Promise<unknown>;
  readonly given: Promise<Given>;

  constructor(options: TestPostgresOptions, env: Readonly<Record<string, string>> = {}) {
    const { PATH = '' } = process.env;
    const child = spawn(process.execPath, [CHILD, JSON.stringify(options)], {
      stdio: ['pipe', 'pipe', 'inherit'],
      env: { PATH, ...env },
    });
    this.#child = child;
    this.#ended = once(child, 'exit');
    this.#lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    this.given = this.#hear() as Promise<Given>;
  }

  /** The first row of a statement, asked in that process on a connection of its own. */
  async ask(sql: string): Promise<unknown> {
    await this.given;
    const row = this.#hear();
    this.#child.stdin?.write(`${sql}\n`);
    return row;
  }

  /** Lets it come to its end; it does not release what it holds. */
  async end(): Promise<number | null> {
    this.#child.stdin?.end();
    await this.#ended;
    return this.#child.exitCode;
  }

  /** It does nothing more until it is killed. */
  pause(): void {
    this.#child.kill('SIGSTOP');
  }

  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#ended;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.kill();
  }

  async #hear(): Promise<unknown> {
    const { value, done } = await this.#lines.next();
    if (done === true) throw new Error('the process ended without saying more');
    return JSON.parse(value);
  }
}
