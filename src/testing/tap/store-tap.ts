/**
 * Stands around the real store of one runtime and sees its calls. Everything
 * passes: the real store does the work, and its answers and errors are its own,
 * except where a test asked for a fault.
 *
 *   T1. A call is under way from its first moment until its caller may go on.
 *       What a test holds, and what waits for a caller's own content, is not.
 *   T2. A durable point is told after the real store said so and before its
 *       caller hears of it: who dies there has written, and was not answered.
 *   T3. What nobody asked for costs nothing: no text is made without a reader
 *       of it, no point without a listener.
 */

import { ownerKey, type Owner } from '../../context/ids.ts';
import type { RunKey, Store } from '../../event/store.ts';
import type { BusySource } from '../activity.ts';
import { RowReaders, type RowReader } from './row-readers.ts';
import { pointOf, STORE_OPERATIONS, type StoreCall, type StorePoint } from './store-call.ts';
import { StoreFaults } from './store-faults.ts';
import type { ArmedFault } from './armed-fault.ts';
import { tapStore, type Content, type Passage } from './tapped-store.ts';

/** A run that the store accepted. */
export interface AcceptedRunKey extends RunKey {
  /** When, by the runtime's clock. */
  readonly at: number;
}

type Stop = () => void;

/** Runs that are remembered; the oldest is forgotten first. */
const RUNS_KEPT = 10_000;
const NONE: readonly ArmedFault[] = [];

export class StoreTap implements BusySource {
  readonly name = 'store';
  readonly #runs = new Set<AcceptedRunKey>();
  readonly #faults = new Set<StoreFaults>();
  readonly #beforeWrites = new Set<(point: StorePoint) => void>();
  readonly #afterWrites = new Set<(point: StorePoint) => void>();
  readonly #rows = new RowReaders();
  readonly #passage: Passage = {
    pass: (call, ask, given) => this.#pass(call, ask, given),
    pieces: (call, ask) => this.#pieces(call, ask),
    content: (owner, content) => this.#content(owner, content),
    accepted: (owner, runId, at) => this.#accepted({ owner, runId, at }),
  };
  #knowsAll = true;
  #underWay = 0;
  #begun = 0;
  #asked = 0;
  #durable = 0;

  /** For `Seams.aroundStore`. */
  around(store: Store): Store {
    return tapStore(store, this.#passage);
  }

  /** Calls of the store that are under way. */
  busy(): number {
    return this.#underWay;
  }

  /** Calls that were made so far: a store in memory ends one in the turn in which it began. */
  begun(): number {
    return this.#begun;
  }

  /** Writes that the store said are durable. */
  get points(): number {
    return this.#durable;
  }

  /** The runs that were accepted and not forgotten since, in the order of their acceptance. At most 10,000. */
  runs(): readonly AcceptedRunKey[] {
    return [...this.#runs];
  }

  /** Whether `runs()` has all that were accepted, and not only the newest. */
  get knowsAll(): boolean {
    return this.#knowsAll;
  }

  runsOf(owner: Owner): readonly AcceptedRunKey[] {
    const key = ownerKey(owner);
    return this.runs().filter((run) => ownerKey(run.owner) === key);
  }

  /** Forgets the runs of one owner, or all. */
  forget(owner?: Owner): void {
    for (const run of owner === undefined ? this.runs() : this.runsOf(owner)) this.#runs.delete(run);
    if (this.#runs.size === 0) this.#knowsAll = true;
  }

  /** Tells of each write before the store is asked: who dies there has written nothing. Call what it returns to stop. */
  onCall(listener: (point: StorePoint) => void): Stop {
    return listen(this.#beforeWrites, listener);
  }

  /** T2. Call what it returns to stop. */
  onDurable(listener: (point: StorePoint) => void): Stop {
    return listen(this.#afterWrites, listener);
  }

  /** Gets every row that is read for an owner, and everything that an owner writes. Call what it returns to stop. */
  onRows(reader: RowReader): Stop {
    return this.#rows.add(reader);
  }

  /** Faults of one test. Where tests share a runtime, `concerns` says whose calls are that test's. Close it with the test. */
  createFaults(concerns?: (owner: Owner) => boolean): StoreFaults {
    const faults = new StoreFaults({ concerns, closed: () => void this.#faults.delete(faults) });
    this.#faults.add(faults);
    return faults;
  }

  async #pass<T>(call: StoreCall, ask: () => Promise<T>, given?: unknown): Promise<T> {
    this.#underWay += 1;
    this.#begun += 1;
    try {
      const struck = this.#strike(call);
      if (struck.length > 0) await this.#suffer(call, struck, undefined);
      for (const { data } of call.events) this.#rows.show(call.owner, data);
      this.#rows.show(call.owner, given);
      const answer = STORE_OPERATIONS[call.operation] === 'writes' ? await this.#write(call, ask) : await ask();
      this.#rows.show(call.owner, answer);
      if (struck.length > 0) await this.#suffer(call, struck, 'durable');
      return answer;
    } finally {
      this.#underWay -= 1;
    }
  }

  /** T2. */
  async #write<T>(call: StoreCall, ask: () => Promise<T>): Promise<T> {
    this.#asked += 1;
    tell(this.#beforeWrites, this.#asked, call);
    const answer = await ask();
    this.#durable += 1;
    tell(this.#afterWrites, this.#durable, call);
    return answer;
  }

  /** What strikes the call strikes it before its first piece. */
  async *#pieces(call: StoreCall, ask: () => AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
    const pieces = ask()[Symbol.asyncIterator]();
    const next = async (): Promise<Uint8Array | undefined> => {
      const { done, value } = await pieces.next();
      return done === true ? undefined : value;
    };
    try {
      let piece = await this.#pass(call, next);
      while (piece !== undefined) {
        yield piece;
        piece = await this.#later(call, next);
      }
    } finally {
      await pieces.return?.();
    }
  }

  async #later<T>({ owner }: StoreCall, ask: () => Promise<T>): Promise<T> {
    this.#underWay += 1;
    try {
      const answer = await ask();
      this.#rows.show(owner, answer);
      return answer;
    } finally {
      this.#underWay -= 1;
    }
  }

  /** T1: between two pieces the store waits for its caller. */
  async *#content(owner: Owner, content: Content): AsyncIterable<Uint8Array> {
    this.#underWay -= 1;
    try {
      for await (const piece of content) {
        this.#underWay += 1;
        try {
          this.#rows.show(owner, piece);
          yield piece;
        } finally {
          this.#underWay -= 1;
        }
      }
    } finally {
      this.#underWay += 1;
    }
  }

  #accepted(run: AcceptedRunKey): void {
    this.#runs.add(run);
    const [oldest] = this.#runs;
    if (this.#runs.size <= RUNS_KEPT || oldest === undefined) return;
    this.#runs.delete(oldest);
    this.#knowsAll = false;
  }

  #strike(call: StoreCall): readonly ArmedFault[] {
    if (this.#faults.size === 0) return NONE;
    return [...this.#faults].flatMap((faults) => faults.strike(call));
  }

  async #suffer(call: StoreCall, struck: readonly ArmedFault[], after: 'durable' | undefined): Promise<void> {
    this.#underWay -= 1;
    try {
      for (const { aim, act } of struck) if (aim.after === after) await act(call);
    } finally {
      this.#underWay += 1;
    }
  }
}

function tell(listeners: ReadonlySet<(point: StorePoint) => void>, n: number, call: StoreCall): void {
  if (listeners.size === 0) return;
  const point = pointOf(n, call);
  for (const listener of listeners) listener(point);
}

function listen<T>(listeners: Set<T>, listener: T): Stop {
  listeners.add(listener);
  return () => void listeners.delete(listener);
}
