import { holdingClock } from '../../base/clock.ts';
import { withDeadline } from '../../base/deadline.ts';
import type { EnginehouseError } from '../../base/errors.ts';
import type { EventType } from '../../context/event.ts';
import { ownerKey, type Owner, type UserId } from '../../context/ids.ts';
import { Origin } from '../origin.ts';
import type { StoreCall, StoreOperation } from './store-call.ts';

/** Which calls a fault strikes, decided. */
export interface FaultAim {
  readonly operation: StoreOperation;
  readonly nth: number;
  readonly times: number;
  readonly types: readonly EventType[] | undefined;
  readonly owner: Owner | { readonly id: UserId } | undefined;
  readonly after: 'durable' | undefined;
}

interface FaultParts {
  readonly aim: FaultAim;
  /** What happens to a call that it strikes. */
  readonly act: (call: StoreCall) => Promise<void>;
  /** The method that the test called: the fault's line is the one that called it. */
  readonly saidBy: (...args: never[]) => unknown;
  readonly onStop?: (() => void) | undefined;
}

/** Milliseconds of real time, whatever the clock of the test says. */
const WAIT_MS = 10_000;

/** One fault: counts the calls that it is about and knows which of them it strikes. */
export class ArmedFault {
  readonly aim: FaultAim;
  /** What happens to a call that it strikes. */
  readonly act: FaultParts['act'];
  readonly #onStop: (() => void) | undefined;
  readonly #said: Origin;
  readonly #first = Promise.withResolvers<void>();
  #seen = 0;
  #strikes = 0;
  #stopped = false;

  constructor({ aim, act, saidBy, onStop }: FaultParts) {
    this.aim = aim;
    this.act = act;
    this.#onStop = onStop;
    this.#said = new Origin(saidBy);
  }

  get strikes(): number {
    return this.#strikes;
  }

  /** Strikes no further call. */
  get over(): boolean {
    return this.#stopped || this.#seen >= this.aim.nth + this.aim.times - 1;
  }

  /** It did what it was said for. */
  get fulfilled(): boolean {
    const { times } = this.aim;
    return this.#strikes === times || (this.#strikes > 0 && (this.#stopped || times === Infinity));
  }

  /** @throws `FAULT_NOT_STRUCK` after 10 s */
  get struck(): Promise<void> {
    return withDeadline('a fault', WAIT_MS, holdingClock, this.#first.promise).catch(() => {
      throw this.notStruck();
    });
  }

  /** Counts the call if the fault is about it. True when it strikes it. */
  strikesAt(call: StoreCall): boolean {
    if (this.over || !this.#isAbout(call)) return false;
    this.#seen += 1;
    if (this.#seen < this.aim.nth) return false;
    this.#strikes += 1;
    this.#first.resolve();
    return true;
  }

  stop(): void {
    this.#stopped = true;
    this.#onStop?.();
  }

  notStruck(): EnginehouseError {
    const { operation, nth, times, types, after } = this.aim;
    const of = types === undefined ? '' : ` of ${types.join(' or ')}`;
    const fault = `${operation}${of} number ${nth}${after === undefined ? '' : ', once durable'}`;
    const [strikes, calls] = [this.#strikes, this.#seen];
    const struck = strikes === 0 ? 'never struck' : `struck ${strikes} of ${times} times`;
    const came = calls === 1 ? 'there was 1 such call' : `there were ${calls} such calls`;
    const message = `the fault at ${fault} ${struck}: ${came}`;
    return this.#said.error('FAULT_NOT_STRUCK', message, { fault, strikes, times });
  }

  #isAbout({ operation, owner, events }: StoreCall): boolean {
    const { aim } = this;
    if (operation !== aim.operation) return false;
    if (aim.owner !== undefined && !isOwner(aim.owner, owner)) return false;
    return aim.types === undefined || events.some(({ type }) => aim.types?.includes(type));
  }
}

function isOwner(wanted: Owner | { readonly id: UserId }, owner: Owner | undefined): boolean {
  if (owner === undefined) return false;
  return 'id' in wanted ? wanted.id === owner.userId : ownerKey(wanted) === ownerKey(owner);
}
