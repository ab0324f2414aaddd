/**
 * Gathers writes into group commits.
 *
 *   Q1. A commit starts when the one before it has ended and takes all that
 *       waits, in order, at most `commitBytes` or one write. There is no timer.
 *   Q2. A write is answered when its commit is durable, and the next commit is
 *       under way by then: the disk works while the answers are carried on.
 *   Q3. It is as long as its callers are many: each run's writer waits for its
 *       append before it makes the next.
 */

import type { Limits } from '../../context/limits.ts';
import { asError, type Outcome } from './outcome.ts';
import type { Writer } from './writer.ts';
import { weightOf, type Write, type WriteResult } from './writes.ts';

interface Waiting {
  readonly write: Write;
  readonly bytes: number;
  readonly answered: (outcome: Outcome) => void;
  readonly failed: (error: unknown) => void;
}

export class CommitQueue {
  readonly #writer: Writer;
  readonly #commitBytes: number;
  #waiting: Waiting[] = [];
  #working: Promise<void> | undefined;

  constructor(writer: Writer, { commitBytes }: Pick<Limits, 'commitBytes'>) {
    this.#writer = writer;
    this.#commitBytes = commitBytes;
  }

  submit<W extends Write>(write: W): Promise<WriteResult<W['name']>> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({
        write,
        bytes: weightOf(write),
        // A parse boundary: perform() made the result for the same name, maybe in another thread.
        answered: (outcome) =>
          'result' in outcome ? resolve(outcome.result as WriteResult<W['name']>) : reject(asError(outcome.refusal)),
        failed: reject,
      });
      // One microtask, so that writes made together go together.
      this.#working ??= Promise.resolve().then(() => this.#next());
    });
  }

  /** Resolves when everything submitted so far is answered. */
  async drained(): Promise<void> {
    while (this.#working !== undefined) await this.#working;
  }

  #next(): void {
    this.#working = this.#waiting.length === 0 ? undefined : this.#commit(this.#nextGroup());
  }

  async #commit(group: readonly Waiting[]): Promise<void> {
    const answer = await this.#writer.commit(group.map(({ write }) => write)).then(
      (outcomes) => () => outcomes.forEach((outcome, index) => group[index]?.answered(outcome)),
      (error: unknown) => () => group.forEach(({ failed }) => failed(error)),
    );
    this.#next();
    answer();
  }

  #nextGroup(): readonly Waiting[] {
    let bytes = 0;
    let count = 0;
    for (const { bytes: more } of this.#waiting) {
      if (count > 0 && bytes + more > this.#commitBytes) break;
      bytes += more;
      count += 1;
    }
    return this.#waiting.splice(0, count);
  }
}
