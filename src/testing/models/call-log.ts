import type { ModelCall } from './model-call.ts';

const MAX_CALLS = 1_000;
const MAX_CHARACTERS = 16_000_000;

/** The last calls, at most 1,000 of them and 16 million characters of prompts. */
export class CallLog {
  readonly #calls: { readonly call: ModelCall; readonly characters: number }[] = [];
  #characters = 0;
  #dropped = 0;

  /** The oldest first. */
  get calls(): readonly ModelCall[] {
    return this.#calls.map(({ call }) => call);
  }

  /** All that there were. */
  get count(): number {
    return this.#dropped + this.#calls.length;
  }

  /** Calls that are too long ago to be kept. */
  get dropped(): number {
    return this.#dropped;
  }

  add(call: ModelCall, characters: number): void {
    this.#calls.push({ call, characters });
    this.#characters += characters;
    while (this.#calls.length > MAX_CALLS || (this.#characters > MAX_CHARACTERS && this.#calls.length > 1)) {
      this.#characters -= this.#calls.shift()?.characters ?? 0;
      this.#dropped += 1;
    }
  }
}
