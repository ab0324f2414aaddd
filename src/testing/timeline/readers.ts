import { asyncScope } from '../../base/async-scope.ts';
import type { AgentEvent } from '../../context/event.ts';
import { runId } from '../../context/ids.ts';
import type { RunLog } from '../../event/store.ts';
import { configuredRuntime } from '../../startup/pointer.ts';

/** Gives the log of a run by its id; none when it cannot be reached. */
export type RunReader = (runId: string) => Promise<readonly AgentEvent[]> | readonly AgentEvent[];

const PAGE = 1_000;

/** Reads runs of one user from the log: `readerOf(runtime.store.for(alice.context()).log)`. */
export function readerOf(log: Pick<RunLog, 'read'>): RunReader {
  return async (id) => {
    const events: AgentEvent[] = [];
    for (;;) {
      const page = await log.read(runId(id), events.length, PAGE);
      events.push(...page);
      if (page.length < PAGE) return events;
    }
  };
}

const KEY: unique symbol = Symbol.for('enginehouse.testing.readers');

// A runner may load this module more than once in a process.
const place = globalThis as { [KEY]?: WeakMap<object, RunReader> };
const readers = (place[KEY] ??= new WeakMap());

/** Says how the runs of a factory are read: by all that is in its async scope, or in its process when it is the pointer's. */
export function knowReader(factory: object, reader: RunReader): void {
  readers.set(factory, reader);
}

/** The reader of the factory that the current scope, else the process, has. */
export function readerInScope(): RunReader | undefined {
  const factory = asyncScope.getStore()?.factory ?? configuredRuntime()?.factory;
  return factory && readers.get(factory);
}
