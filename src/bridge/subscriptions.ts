import { EnginehouseError } from '../base/errors.ts';
import { isId, runId, type Owner } from '../context/ids.ts';
import type { SubscribeFrom } from '../context/wire.ts';
import type { LiveRun } from './live-run.ts';
import type { HeldRun, LiveRuns } from './live-runs.ts';

/** A cursor of one connection over one run: everything up to `cursor` was sent. */
export interface Subscription {
  readonly stream: string;
  readonly run: LiveRun;
  cursor: number;
  /** Nothing is sent for it before it is open, nor once it was left, replaced or ended. */
  state: 'opening' | 'open' | 'left';
}

/** How a subscription began: where the client said, or from the start because its place cannot be proven. */
export interface Begun {
  readonly subscription: Subscription;
  readonly resumed: boolean;
}

/** Subscriptions of one user over all connections. */
export interface SubscriptionCount {
  subscriptions: number;
}

interface SubscriptionsDeps {
  readonly owner: Owner;
  readonly runs: LiveRuns;
  readonly count: SubscriptionCount;
  readonly max: number;
  /** Told when there may be something to send. */
  readonly due: (subscription: Subscription) => void;
}

type Held = { readonly hold: HeldRun; readonly unlisten: () => void; readonly subscription: Subscription };

/** The subscriptions of one connection, one per stream; a second one for a stream replaces the first. */
export class Subscriptions implements Disposable {
  readonly #deps: SubscriptionsDeps;
  readonly #held = new Map<string, Held>();

  constructor(deps: SubscriptionsDeps) {
    this.#deps = deps;
  }

  get size(): number {
    return this.#held.size;
  }

  /** The head of each stream, as this server knows it. */
  heads(): Readonly<Record<string, number>> {
    return Object.fromEntries([...this.#held].map(([stream, { subscription }]) => [stream, subscription.run.head]));
  }

  /**
   * Finds the run and the place in it; `open` starts the sending. `undefined` when the stream was left or replaced before its run was found.
   *
   * @throws `NOT_FOUND` for an unknown or foreign run, `LIMIT_REACHED`, and what the store throws.
   */
  async begin(stream: string, from: SubscribeFrom): Promise<Begun | undefined> {
    this.leave(stream);
    const held = this.#take(stream);
    const { subscription } = held;
    try {
      const found = await subscription.run.open();
      if (!found) throw unknownRun(stream);
      // The client may have read in the store what this process is about to be told.
      if (typeof from === 'object' && from.after > subscription.run.head) await subscription.run.look();
    } catch (error) {
      if (isLeft(subscription)) return undefined;
      this.leave(stream);
      throw error;
    }
    if (isLeft(subscription)) return undefined;
    return { subscription, resumed: place(subscription, from) };
  }

  open(subscription: Subscription): void {
    if (subscription.state !== 'opening') return;
    subscription.state = 'open';
    this.#deps.due(subscription);
  }

  leave(stream: string): void {
    const held = this.#held.get(stream);
    if (held === undefined) return;
    this.#held.delete(stream);
    held.subscription.state = 'left';
    held.unlisten();
    held.hold[Symbol.dispose]();
    this.#deps.count.subscriptions -= 1;
  }

  [Symbol.dispose](): void {
    for (const stream of this.#held.keys()) this.leave(stream);
  }

  #take(stream: string): Held {
    const { owner, runs, count, max, due } = this.#deps;
    const id = stream.slice('run:'.length);
    if (!isId(id)) throw unknownRun(stream);
    if (count.subscriptions >= max) {
      const message = `a user has at most ${max} subscriptions at once`;
      throw new EnginehouseError('LIMIT_REACHED', message, { limit: 'subscriptionsPerUser', max });
    }
    const hold = runs.hold(owner, runId(id));
    const subscription: Subscription = { stream, run: hold.run, cursor: 0, state: 'opening' };
    const held: Held = { hold, unlisten: hold.run.listen(() => due(subscription)), subscription };
    count.subscriptions += 1;
    this.#held.set(stream, held);
    return held;
  }
}

function isLeft({ state }: Subscription): boolean {
  return state === 'left';
}

/** Puts the cursor where the client stands. False when that cannot be proven: it is at the start then. */
function place(subscription: Subscription, from: SubscribeFrom): boolean {
  const { head, epoch } = subscription.run;
  if (typeof from === 'object' && (from.epoch !== epoch || from.after > head)) {
    subscription.cursor = 0;
    return false;
  }
  if (from === 'start') subscription.cursor = 0;
  else if (from === 'live') subscription.cursor = head;
  else subscription.cursor = from.after;
  return true;
}

function unknownRun(stream: string): EnginehouseError {
  const id = stream.slice('run:'.length);
  return new EnginehouseError('NOT_FOUND', `run ${id} does not exist`, { what: 'run', id });
}
