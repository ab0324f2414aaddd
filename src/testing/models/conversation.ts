import type { ModelCall } from './model-call.ts';
import type { Script } from './script.ts';
import type { Turn } from './turn.ts';

/** One way through a script: whose it is, and how far it has come. */
export class Conversation {
  readonly script: Script;
  readonly userId: string | undefined;
  readonly runId: string | undefined;
  /** The history that it ends with now, unless a turn is under way. */
  latest: string | undefined;
  #asked = 0;
  #lastCall: ModelCall | undefined;
  #broken: { readonly turn: number; readonly key: string } | undefined;

  constructor(script: Script, { userId, runId }: ModelCall) {
    this.script = script;
    this.userId = userId;
    this.runId = runId;
  }

  /** Turns that were asked for. */
  get asked(): number {
    return this.#asked;
  }

  get lastCall(): ModelCall | undefined {
    return this.#lastCall;
  }

  get ended(): boolean {
    return this.#asked >= this.script.turns.length;
  }

  /** Goes on from a turn that was answered elsewhere. */
  joinAt(turn: number): void {
    this.#asked = turn;
  }

  /** False when it is known to be another user's. A call that is made outside a run has none. */
  mayBeOf({ userId }: ModelCall): boolean {
    return userId === undefined || this.userId === undefined || userId === this.userId;
  }

  /** Whether its last turn broke off and this asks for the same again. */
  brokeAt(key: string): boolean {
    return this.#broken?.key === key;
  }

  /** The turn for this call: the next one, or once more the one that broke. */
  take(call: ModelCall, whole: string): { readonly turn: Turn; readonly index: number } | undefined {
    const index = this.#broken?.key === whole ? this.#broken.turn : this.#asked;
    const turn = this.script.turns[index];
    if (turn === undefined) return undefined;
    this.#asked = Math.max(this.#asked, index + 1);
    this.#lastCall = call;
    this.#broken = undefined;
    this.latest = undefined;
    return { turn, index };
  }

  /** The turn that was under way broke off: an error, an abort, a reader that left. */
  broke(turn: number, key: string): void {
    this.#broken = { turn, key };
    this.latest = key;
  }

  /** Whether it does not matter which of the two goes on. */
  isLike(other: Conversation): boolean {
    return this === other || this.script.saysTheSame(other.script, this.#asked, other.asked);
  }
}
