/**
 * What a test opened and did not close.
 *
 *   L1. It counts what the runtime itself knows to be open, so it has no false
 *       alarms: other people's handles are not its business.
 *   L2. What was open at the baseline, the runtime's own caches, and what the
 *       house opened for itself are not the test's.
 *   L3. One thing is told once: an engine, not its emitter; a socket, not its timers.
 *   L4. On a shared runtime only what belongs to the test's own users is the test's.
 */

import { sleep, systemClock } from '../../base/clock.ts';
import { EnginehouseError } from '../../base/errors.ts';
import { nextTurn } from '../../base/next-turn.ts';
import type { OpenResource, ResourceKind, ResourceRegistry } from '../../base/resource-registry.ts';
import type { ListenAddress } from '../../server/listen.ts';
import { clientOrigin, watchClientSockets } from './client-sockets.ts';
import { framesOf, isInside, originOf, placeOf } from './origin.ts';

/** Transactions that are open: `DatabaseTap`. */
export interface OpenTransactions {
  open(): readonly { readonly owner: string; readonly origin: string | undefined }[];
}

/** Timers that are armed: `TestClock`. */
export interface ArmedTimers {
  timers(): readonly { readonly at: number; readonly origin: string | undefined }[];
}

export interface LeftoverSources {
  readonly resources: ResourceRegistry;
  /** Whom the house runs readiness for. */
  readonly house?: string | undefined;
  /** Where the runtime listens: tells its sockets from those of another server. */
  readonly address?: ListenAddress | undefined;
  readonly transactions?: OpenTransactions | undefined;
  readonly clock?: ArmedTimers | undefined;
}

export interface LeftoverQuery {
  /** The user ids of one test, where several share the runtime. @default everybody's */
  readonly owners?: Iterable<string> | undefined;
  /** Real milliseconds that what is just closing gets. @default 250 */
  readonly withinMs?: number | undefined;
}

/** What is told of a thing that was left open. */
type Left = Omit<OpenResource, 'kind'> & { readonly kind: string };

/** Turns of the event loop before it waits by the clock: most sockets have closed by then. */
const TURNS = 20;
const PAUSE_MS = 2;
/** Where a clock itself arms its timers. */
const CLOCKS = /\/(testing\/(test-clock|audit\/fence)|base\/clock)\.[jt]s:/;
const CACHES: ReadonlySet<ResourceKind> = new Set(['store', 'database']);

export class Leftovers implements Disposable {
  readonly #sources: LeftoverSources;
  readonly #watching = watchClientSockets();
  #before: ReadonlySet<OpenResource> = new Set();
  #timersBefore: ReadonlySet<unknown> = new Set();

  constructor(sources: LeftoverSources) {
    this.#sources = sources;
  }

  /** What is open now is not the test's. To be called once the runtime is booted and verified. */
  baseline(): void {
    this.#before = new Set(this.#sources.resources.remaining());
    this.#timersBefore = new Set(this.#sources.clock?.timers());
  }

  /** What is open and the test's to close, at this moment. */
  left({ owners }: LeftoverQuery = {}): readonly OpenResource[] {
    const only = owners === undefined ? undefined : new Set(owners);
    const open = this.#sources.resources.remaining().filter((resource) => this.#isTests(resource, only));
    const told = withoutParts(open).map((resource) => ({ ...resource, origin: this.#originOf(resource) }));
    return [...told, ...this.#transactions(only), ...(only === undefined ? this.#timers() : [])];
  }

  /** The same once everything has closed that is just closing: a server hears of a closed socket after its client. */
  async settled(query: LeftoverQuery = {}): Promise<readonly OpenResource[]> {
    const owners = query.owners === undefined ? undefined : new Set(query.owners);
    const { withinMs = 250 } = query;
    const until = systemClock.now() + withinMs;
    for (let turn = 0; ; turn += 1) {
      if (!this.#anyLeft(owners) || systemClock.now() >= until) return this.left({ owners });
      await (turn < TURNS ? nextTurn() : sleep(systemClock, PAUSE_MS));
    }
  }

  /** Keeps nothing more. */
  [Symbol.dispose](): void {
    this.#watching[Symbol.dispose]();
  }

  #anyLeft(only: ReadonlySet<string> | undefined): boolean {
    if (this.#sources.resources.remaining().some((resource) => this.#isTests(resource, only))) return true;
    return this.#transactions(only).length > 0 || (only === undefined && this.#timers().length > 0);
  }

  /** L2, L4 */
  #isTests(resource: OpenResource, only: ReadonlySet<string> | undefined): boolean {
    const { kind, owner, ofHouse = false } = resource;
    if (CACHES.has(kind) || ofHouse || this.#before.has(resource)) return false;
    // A listener is put on a runtime, not opened for a user; a timer of nobody's is the runtime's own.
    if (owner === undefined) return only === undefined && kind !== 'timer';
    return owner !== this.#sources.house && (only === undefined || only.has(owner));
  }

  #originOf({ kind, peerPort, origin }: OpenResource): string | undefined {
    if (kind !== 'socket') return originOf(origin);
    return peerPort === undefined ? undefined : clientOrigin(peerPort, this.#sources.address?.port);
  }

  #transactions(only: ReadonlySet<string> | undefined): OpenResource[] {
    const open = this.#sources.transactions?.open() ?? [];
    const tests = open.filter(({ owner }) => owner !== this.#sources.house && (only === undefined || only.has(owner)));
    return tests.map(({ owner, origin }) => ({
      kind: 'transaction',
      name: 'on the application’s tables',
      owner,
      origin: originOf(origin),
    }));
  }

  /** Of the runtime's clock, only those that a test or its agents armed themselves. */
  #timers(): OpenResource[] {
    const armed = this.#sources.clock?.timers() ?? [];
    const tests = armed.filter((timer) => !this.#timersBefore.has(timer) && isArmedByCaller(timer.origin));
    return tests.map(({ at, origin }) => ({
      kind: 'timer',
      name: `due at ${at}`,
      owner: undefined,
      origin: originOf(origin),
    }));
  }
}

/** One error that names everything, and whose stack points at where the first of it was opened. */
export function leftOpen(left: readonly Left[]): EnginehouseError<'TEST_LEFT_OPEN'> {
  const lines = left.map(({ kind, name, owner, origin }) => {
    const frame = origin?.split('\n', 1)[0];
    const where = frame === undefined ? 'opened where nobody saw it' : `opened at ${placeOf(frame)}`;
    return `${kind} ${name}${owner === undefined ? '' : ` of ${owner}`}, ${where}`;
  });
  const message = `the test ended and left open:${lines.length === 1 ? ' ' : '\n- '}${lines.join('\n- ')}`;
  const details = left.map(({ kind, name, owner, origin }) => ({ kind, name, owner, origin }));
  const error = new EnginehouseError('TEST_LEFT_OPEN', message, { left: details });
  const origin = left.find((resource) => resource.origin !== undefined)?.origin;
  if (origin !== undefined) error.stack = `${error.name}: ${message}\n${origin.replaceAll(/^/gm, '    ')}`;
  return error;
}

/** L3 */
function withoutParts(open: readonly OpenResource[]): readonly OpenResource[] {
  const wholes = new Set(open.map(({ kind, name, owner }) => whole(kind, name, owner)));
  const has = (kind: ResourceKind, name: string, owner: string | undefined) => wholes.has(whole(kind, name, owner));
  return open.filter(({ kind, name, owner }) => {
    if (kind === 'timer') return !has('socket', '', owner);
    if (kind === 'emitter') return !has('engine', name, owner) && !has('run', name, owner);
    return kind !== 'run' || !has('engine', name, owner);
  });
}

/** A socket stands for all timers of its user, an engine for what has the name of its run. */
function whole(kind: ResourceKind, name: string, owner: string | undefined): string {
  return JSON.stringify([kind, kind === 'socket' ? '' : name, owner]);
}

/** The house arms timers in the middle of a test's calls: the nearest frame tells. */
function isArmedByCaller(origin: string | undefined): boolean {
  const nearest = framesOf(origin).find((frame) => !CLOCKS.test(frame));
  return nearest !== undefined && !isInside(nearest);
}
