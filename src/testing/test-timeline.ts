import type { AgentEvent } from '../context/event.ts';
import type { RunKey } from '../event/store.ts';
import type { TestRuntime } from './test-runtime.ts';
import { canonicalTimeline } from './timeline/canonical.ts';
import { timelineText } from './timeline/timeline-text.ts';

/** Events that are read of one run. */
const EVENTS_READ = 100_000;

/** A run, however a test holds it: by its handle, or by its id. */
export type RunName = { readonly runId: string } | { readonly id: string } | string;

/** What the runs of a test's runtime did, read from the log. */
export class TestTimeline {
  readonly #home: () => TestRuntime | undefined;

  /** @internal */
  constructor(home: () => TestRuntime | undefined) {
    this.#home = home;
  }

  /** The events of a run of the test, as far as they are durable; none of one that the test's runtime does not know. */
  async of(run: RunName): Promise<readonly AgentEvent[]> {
    const id = idOf(run);
    const key = this.#runs().find(({ runId }) => runId === id);
    return key === undefined ? [] : this.#read(key);
  }

  /** The same every time the same thing happens: for snapshots, and to compare two runs. */
  async canonical(run: RunName): Promise<string> {
    return canonicalTimeline(await this.of(run), { runId: idOf(run) });
  }

  /** For a person: one line per event, with its time and its real ids. */
  async text(run: RunName): Promise<string> {
    return timelineText(await this.of(run));
  }

  /** The ids of the runs that were accepted in the test's runtime, in their order. */
  get runs(): readonly string[] {
    return this.#runs().map(({ runId }) => runId);
  }

  #runs(): readonly RunKey[] {
    return this.#home()?.watch.store.runs() ?? [];
  }

  async #read({ owner, runId }: RunKey): Promise<readonly AgentEvent[]> {
    const store = this.#home()?.runtime.store;
    return store === undefined ? [] : store.for(owner).log.read(runId, 0, EVENTS_READ);
  }
}

function idOf(run: RunName): string {
  if (typeof run === 'string') return run;
  return 'runId' in run ? run.runId : run.id;
}
