import { EnginehouseError } from '../base/errors.ts';
import type { AgentEvent } from '../context/event.ts';
import type { Owner } from '../context/ids.ts';
import type { RunKey } from '../event/store.ts';
import type { TestRuntime } from './test-runtime.ts';
import { canonicalTimeline } from './timeline/canonical.ts';
import { timelineText } from './timeline/timeline-text.ts';

/** Events that are read of one run. */
const EVENTS_READ = 100_000;

/** A run, however a test holds it: by its handle, or by its id. */
export type RunName = { readonly runId: string } | { readonly id: string } | string;

/** Whose run it is, where two users have one of the same id. */
type Whose = { readonly id: string } | undefined;

/** What the runs of a test did, read from the log. */
export class TestTimeline {
  readonly #home: () => TestRuntime | undefined;
  readonly #concerns: (owner: Owner) => boolean;

  /** `concerns` says whose runs are the test's, on a runtime that tests share. @internal */
  constructor(home: () => TestRuntime | undefined, concerns: (owner: Owner) => boolean = () => true) {
    this.#home = home;
    this.#concerns = concerns;
  }

  /**
   * The events of a run of the test, as far as they are durable; none of one that the test does not have.
   *
   * @throws `TEST_KIT_MISUSED` when two users have a run of this id, and `user` does not say whose it is
   */
  async of(run: RunName, user?: Whose): Promise<readonly AgentEvent[]> {
    const id = idOf(run);
    const named = this.#all().filter(({ owner, runId }) => runId === id && (user?.id ?? owner.userId) === owner.userId);
    const own = named.filter(({ owner }) => this.#concerns(owner));
    // A test may make a user of its own, whom the kit does not know.
    const [key, other] = own.length > 0 ? own : named;
    if (key !== undefined && other !== undefined) throw ambiguous([key, other]);
    return key === undefined ? [] : this.#read(key);
  }

  /** The same every time the same thing happens: for snapshots, and to compare two runs. @throws as `of` does */
  async canonical(run: RunName, user?: Whose): Promise<string> {
    return canonicalTimeline(await this.of(run, user), { runId: idOf(run) });
  }

  /** For a person: one line per event, with its time and its real ids. @throws as `of` does */
  async text(run: RunName, user?: Whose): Promise<string> {
    return timelineText(await this.of(run, user));
  }

  /** The ids of the runs of the test that were accepted, in their order. */
  get runs(): readonly string[] {
    const own = this.#all().filter(({ owner }) => this.#concerns(owner));
    return own.map(({ runId }) => runId);
  }

  #all(): readonly RunKey[] {
    return this.#home()?.watch.store.runs() ?? [];
  }

  async #read({ owner, runId }: RunKey): Promise<readonly AgentEvent[]> {
    const store = this.#home()?.runtime.store;
    return store === undefined ? [] : store.for(owner).log.read(runId, 0, EVENTS_READ);
  }
}

function ambiguous(keys: readonly RunKey[]): EnginehouseError {
  const [key] = keys;
  const whose = keys.map(({ owner }) => owner.userId).join(', ');
  const message = `several users of the test have a run ${key?.runId}: ${whose}`;
  const cure = 'Say whose it is: `timeline.of(run, alice)`.';
  return new EnginehouseError('TEST_KIT_MISUSED', message, { part: 'timeline' }, { cure });
}

function idOf(run: RunName): string {
  if (typeof run === 'string') return run;
  return 'runId' in run ? run.runId : run.id;
}
