import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

import { EnginehouseError } from '../../base/errors.ts';
import { lastWords, programEnvironment } from './run-program.ts';
import type { ServerOrder } from './start-server.ts';

const PROGRAM = new URL(
  import.meta.url.endsWith('.ts') ? './keeper-process.ts' : './keeper-process.js',
  import.meta.url,
);

/** A keeper's process as seen by the one who started it, until a connection to it takes over. */
export class StartedKeeper {
  readonly #process: ChildProcess;
  #said = '';
  #failure: string | undefined;
  #ended = false;

  constructor(order: ServerOrder) {
    const args = ['--disable-warning=ExperimentalWarning', fileURLToPath(PROGRAM), JSON.stringify(order)];
    this.#process = spawn(process.execPath, args, {
      // A session of its own: Ctrl-C at the terminal and the end of this process do not reach it.
      detached: true,
      cwd: '/',
      env: programEnvironment(),
      stdio: ['ignore', 'ignore', 'pipe'],
      windowsHide: true,
    });
    this.#process.unref();
    const errors = this.#process.stderr;
    errors?.setEncoding('utf8').on('data', (text: string) => (this.#said = (this.#said + text).slice(-4_000)));
    this.#process.once('error', (error) => this.#end(error.message));
    this.#process.once('close', (code) => {
      // One that was killed did nothing wrong; another may do better.
      this.#end(code === 0 || code === null ? undefined : `code ${code}; ${lastWords(this.#said)}`);
    });
  }

  /** True once it has ended: with a server that it kept, or at once because another keeper is there. */
  get ended(): boolean {
    return this.#ended;
  }

  /** @throws `POSTGRES_NOT_STARTED` when it ended by a fault of its own. */
  throwIfFailed(): void {
    if (this.#failure === undefined) return;
    const reason = `the keeper of the server ended: ${this.#failure}`;
    throw new EnginehouseError('POSTGRES_NOT_STARTED', reason, { step: 'starting its keeper', reason });
  }

  /** Hears it no longer, so that its pipe does not hold this process open. */
  letGo(): void {
    this.#process.stderr?.destroy();
  }

  #end(failure: string | undefined): void {
    this.#ended = true;
    this.#failure ??= failure;
  }
}
