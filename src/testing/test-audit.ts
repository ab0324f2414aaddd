/**
 * What is looked at when a test is over, on every test.
 *
 *   A1. Nothing is left open that the test opened.
 *   A2. No user's marks are in what another user was shown, wrote or read.
 *   A3. Every run of the test's users ended once, is numbered without gaps, is
 *       what their sockets showed, and folds to what the store says of it.
 *   A4. On a runtime that tests share, it looks at its own users and nobody else.
 *
 * All of it is told: one finding does not hide another.
 */

import { withDeadline } from '../base/deadline.ts';
import { systemClock, type Disarm } from '../base/clock.ts';
import { EnginehouseError, isEnginehouseError } from '../base/errors.ts';
import type { AgentEvent } from '../context/event.ts';
import { ownerKey, type Owner } from '../context/ids.ts';
import { isTerminal } from '../context/run-status.ts';
import type { RunKey, RunRecord } from '../event/store.ts';
import { isolationBroken, type Marks, type Searched, type Sighting } from './audit/marks.ts';
import { leftOpen } from './audit/leftovers.ts';
import type { ModelCall } from './models/model-call.ts';
import { disagreements } from './timeline/fold.ts';
import { notInLog } from './timeline/frames.ts';
import { brokenInvariants } from './timeline/invariants.ts';
import { TEARDOWN_STEP_MS } from './test-options.ts';
import type { TestRuntime } from './test-runtime.ts';
import type { TestUser } from './test-user.ts';

/** Runs of one test whose logs are read: the newest. */
const RUNS_READ = 1_000;
const EVENTS_READ = 100_000;
const SIGHTINGS_KEPT = 100;
const TOLD = 20;

interface TestAuditParts {
  /** Its name, for blame. */
  readonly test: string;
  readonly home: TestRuntime;
  readonly marks: Marks;
  readonly users: ReadonlySet<TestUser>;
  /** The runtime is this test's alone. */
  readonly alone: boolean;
}

/** What is wrong with a run, or with what a user was shown of runs. */
interface Wrong {
  readonly runId: string;
  readonly broken: readonly string[];
}

interface ReadRun extends RunKey {
  readonly record: RunRecord;
  readonly events: readonly AgentEvent[];
}

export class TestAudit {
  readonly #parts: TestAuditParts;
  readonly #known = new Set<string>();
  readonly #sightings: Sighting[] = [];
  readonly #stops: Disarm[];

  /** Searches from now on what passes between the runtime and its stores. */
  constructor(parts: TestAuditParts) {
    this.#parts = parts;
    const { store, databases } = parts.home.watch;
    const rows = (owner: Owner, text: string): void => {
      if (this.#concerns(owner)) this.#search(text, owner.userId, 'row');
    };
    this.#stops = [
      store.onRows(rows),
      databases.onRows(rows),
      parts.home.watch.onLine((line) => this.#search(line, undefined, 'log')),
    ];
  }

  /** Ends what the test left running: each run gets its end, and nothing is raced. */
  async endRuns(): Promise<void> {
    const { runtime } = this.#parts.home;
    if (runtime.closed) return;
    await Promise.all(
      this.#runs().map(async ({ owner, runId }) => {
        const record = await unlessClosed(runtime.store.for(owner).runs.get(runId));
        if (record === undefined || isEnded(record)) return;
        const what = `ending run ${runId}`;
        await withDeadline(what, TEARDOWN_STEP_MS, systemClock, this.#end({ owner, runId }));
      }),
    );
  }

  /** Searches what a model is asked. */
  modelCalled({ prompt, userId }: ModelCall): void {
    this.#search(JSON.stringify(prompt), userId, 'model request');
  }

  /** Everything that is wrong; to be called once the users have left and runs have ended. */
  async findings(): Promise<readonly unknown[]> {
    for (const stop of this.#stops.splice(0)) stop();
    const open = await this.#leftOpen();
    const runs = await this.runs();
    const wrong = runs.map((run) => wrongIn(run));
    await this.#searchUsers(runs, wrong);
    this.#forget();
    const broken = wrong.filter((each) => each.broken.length > 0);
    return [
      ...open,
      ...(this.#sightings.length > 0 ? [isolationBroken(this.#sightings)] : []),
      ...(broken.length > 0 ? [invariantBroken(broken)] : []),
    ];
  }

  /** A runtime that tests share knows the runs of those that go on, not of all there ever were. */
  #forget(): void {
    const owners = new Map(this.#runs().map(({ owner }) => [ownerKey(owner), owner]));
    for (const owner of owners.values()) this.#parts.home.watch.store.forget(owner);
  }

  async #leftOpen(): Promise<readonly unknown[]> {
    const { home, alone } = this.#parts;
    if (home.runtime.closed) return [];
    const owners = alone ? undefined : this.#ids();
    const left = (await home.watch.leftovers?.settled({ owners })) ?? [];
    if (left.length === 0) return [];
    home.watch.tell(left);
    // Told, and then closed: what comes after this test does not pay for it.
    await this.#closeLeftovers();
    return [leftOpen(left)];
  }

  async #closeLeftovers(): Promise<void> {
    const { home, test } = this.#parts;
    const handle = 'a transaction';
    const over = new EnginehouseError('AFTER_TEST', `${handle} outlived its test "${test}"`, { test, handle });
    const ids = new Set(this.#ids());
    const engines = home.runtime.factory.activeEngines().filter(({ context }) => ids.has(context.userId));
    await Promise.allSettled([
      ...engines.map((engine) => engine[Symbol.asyncDispose]()),
      home.watch.databases.abandon(over, ids),
    ]);
  }

  /** The test's runs with their logs. */
  async runs(): Promise<readonly ReadRun[]> {
    const { runtime } = this.#parts.home;
    if (runtime.closed) return [];
    const read = this.#runs()
      .slice(-RUNS_READ)
      .map(async ({ owner, runId }) => {
        const { runs, log } = runtime.store.for(owner);
        const record = await unlessClosed(runs.get(runId));
        // A test may have deleted it.
        return record && { owner, runId, record, events: await log.read(runId, 0, EVENTS_READ) };
      });
    return (await Promise.all(read)).filter((run) => run !== undefined);
  }

  /** A2 and A3 of what users were shown. Adds to `wrong`. */
  async #searchUsers(runs: readonly ReadRun[], wrong: Wrong[]): Promise<void> {
    const { home, users } = this.#parts;
    const logs = this.#logs(runs);
    for (const user of users) {
      if (user.home !== home) continue;
      const { received } = user;
      for (const text of received) this.#search(text, user.id, 'frame');
      for (const text of await user.answers()) this.#search(text, user.id, 'response');
      if (received.length === 0 || user.sockets.truncated) continue;
      if (home.runtime.closed || !home.watch.store.knowsAll) continue;
      const frames = user.sockets.received;
      const broken = notInLog(received, logs.get(user.id) ?? new Map(), (place) => frames[place]?.socket ?? 0);
      wrong.push({ runId: `what ${user.id} received`, broken });
    }
  }

  /** Of each user's runs. One that is not read was deleted, or is past the bound; one of somebody else is not there at all. */
  #logs(runs: readonly ReadRun[]): ReadonlyMap<string, ReadonlyMap<string, readonly AgentEvent[] | undefined>> {
    const logs = new Map<string, Map<string, readonly AgentEvent[] | undefined>>();
    const add = ({ owner, runId }: RunKey, events: readonly AgentEvent[] | undefined): void => {
      const own = logs.get(owner.userId) ?? new Map<string, readonly AgentEvent[] | undefined>();
      logs.set(owner.userId, own.set(runId, events));
    };
    for (const run of this.#runs()) add(run, undefined);
    for (const run of runs) add(run, run.events);
    return logs;
  }

  #search(text: string, of: string | undefined, where: Searched): void {
    if (this.#sightings.length >= SIGHTINGS_KEPT) return;
    const found = this.#parts.marks.searchIn(text, { of, where });
    if (found.length === 0) return;
    const ids = this.#parts.alone ? undefined : new Set<string | undefined>(this.#ids());
    this.#sightings.push(
      ...found.filter(({ owner, seenBy }) => ids === undefined || ids.has(owner) || ids.has(seenBy)),
    );
  }

  async #end({ owner, runId }: RunKey): Promise<void> {
    const { factory, bridge } = this.#parts.home.runtime;
    await factory.cancelRun(owner, {
      commandId: crypto.randomUUID(),
      runId,
      reason: 'the test is over',
      by: 'test kit',
    });
    for await (const batch of bridge.follow(owner, runId, 0)) if (batch.some(({ type }) => isTerminal(type))) return;
  }

  #runs(): readonly RunKey[] {
    return this.#parts.home.watch.store.runs().filter(({ owner }) => this.#concerns(owner));
  }

  #concerns(owner: Owner): boolean {
    const { home, alone, users } = this.#parts;
    if (alone) return ownerKey(owner) !== ownerKey(home.runtime.factory.house);
    // Asked for every row; users only come.
    if (this.#known.size < users.size) for (const { id } of users) this.#known.add(id);
    return this.#known.has(owner.userId);
  }

  #ids(): readonly string[] {
    return [...this.#parts.users].map(({ id }) => id);
  }
}

/** A2 of users who live in another process: all that is known of it is what they were shown. */
export async function shownOfOthers(users: Iterable<TestUser>, marks: Marks): Promise<readonly unknown[]> {
  const sightings: Sighting[] = [];
  for (const user of users) {
    const [{ id, received }, answers] = [user, await user.answers()];
    sightings.push(...received.flatMap((text) => marks.searchIn(text, { of: id, where: 'frame' })));
    sightings.push(...answers.flatMap((text) => marks.searchIn(text, { of: id, where: 'response' })));
  }
  return sightings.length === 0 ? [] : [isolationBroken(sightings.slice(0, SIGHTINGS_KEPT))];
}

/** A test may have closed the store. */
async function unlessClosed<T>(reading: Promise<T>): Promise<T | undefined> {
  try {
    return await reading;
  } catch (error) {
    if (isEnginehouseError(error, 'CLOSED')) return undefined;
    throw error;
  }
}

function isEnded({ endedAt }: RunRecord): boolean {
  return endedAt !== undefined;
}

function wrongIn({ runId, record, events }: ReadRun): Wrong {
  return { runId, broken: [...brokenInvariants(events, { ended: isEnded(record) }), ...disagreements(record, events)] };
}

function invariantBroken(runs: readonly Wrong[]): EnginehouseError<'INVARIANT_BROKEN'> {
  const lines = runs.flatMap(({ runId, broken }) => broken.map((what) => `${runId}: ${what}`));
  const more = lines.length > TOLD ? `; and ${lines.length - TOLD} more` : '';
  return new EnginehouseError('INVARIANT_BROKEN', `${lines.slice(0, TOLD).join('; ')}${more}`, { runs });
}
