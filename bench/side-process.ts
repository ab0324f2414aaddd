import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/** Longer than any round takes. */
const PATIENCE_MS = 300_000;

/** One side of a comparison, in a process of its own that does one thing at a time. */
export class SideProcess<Order extends object, Done> {
  readonly #child: ChildProcess;
  readonly #file: string;

  private constructor(child: ChildProcess, file: string) {
    this.#child = child;
    this.#file = file;
  }

  /** Resolves once the process can take orders. */
  static async start<Order extends object, Done>(
    file: string,
    args: readonly string[] = [],
  ): Promise<SideProcess<Order, Done>> {
    const child = fork(fileURLToPath(new URL(file, import.meta.url)), args, {
      // One peer uses `pg` in a way that `pg` warns of.
      execArgv: ['--disable-warning=ExperimentalWarning', '--no-deprecation'],
      env: { ...process.env, NODE_ENV: 'production' },
      stdio: ['ignore', 2, 2, 'ipc'],
    });
    const side = new SideProcess<Order, Done>(child, file);
    await side.#told();
    return side;
  }

  async carryOut(order: Order): Promise<Done> {
    this.#child.send(order);
    return (await this.#told()) as Done;
  }

  /** Lets it go, and resolves once it has ended by itself. @throws when it ended with a code */
  async end(): Promise<void> {
    const signal = AbortSignal.timeout(PATIENCE_MS);
    const ended = once(this.#child, 'exit', { signal });
    this.#child.disconnect();
    const [code] = await ended;
    if (code !== 0) throw new Error(`${this.#file} ended with ${code}; what it says is above`);
  }

  /** SIGKILL: what it did not keep is gone. */
  async kill(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    this.#child.kill('SIGKILL');
    await once(this.#child, 'exit');
  }

  /** Its next message. */
  async #told(): Promise<unknown> {
    const over = new AbortController();
    const signal = AbortSignal.any([over.signal, AbortSignal.timeout(PATIENCE_MS)]);
    const ended = once(this.#child, 'exit', { signal }).then(([code]) => {
      throw new Error(`${this.#file} ended with ${code}; what it says is above`);
    });
    try {
      const [message] = await Promise.race([once(this.#child, 'message', { signal }), ended]);
      return message;
    } finally {
      over.abort();
    }
  }
}
