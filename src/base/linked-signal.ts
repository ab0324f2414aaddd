/**
 * An abort signal that follows its parents and can be aborted by itself.
 *
 * `AbortSignal.any` is not used: with a parent that lives long it retains every
 * child. Disposing a link removes its listeners, so nothing is kept.
 */
export class LinkedSignal implements Disposable {
  readonly #controller = new AbortController();
  readonly #parents: readonly AbortSignal[];
  readonly #follow: (event: Event) => void;

  constructor(parents: readonly AbortSignal[]) {
    this.#parents = parents;
    this.#follow = (event) => this.abort((event.target as AbortSignal).reason);
    for (const parent of parents) {
      if (parent.aborted) this.abort(parent.reason);
      else parent.addEventListener('abort', this.#follow, { once: true });
    }
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  abort(reason: unknown): void {
    this.#controller.abort(reason);
  }

  [Symbol.dispose](): void {
    for (const parent of this.#parents) parent.removeEventListener('abort', this.#follow);
  }
}
