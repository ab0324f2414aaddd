import type { OwnedStore, RunLog, Store } from '../../src/event/store.ts';

/** What happens to an append instead of what should. */
export type Mishap = 'fails' | 'fails after it is durable' | undefined;

/** A real store whose appends go wrong when a test says so, as a disk or a network does. */
export function flakyStore(
  store: Store,
  mishap: (types: readonly string[], runId: string) => Mishap,
  failure: () => Error,
): Store {
  const flakyLog = (log: RunLog): RunLog => ({
    ...log,
    append: async (runId, append) => {
      const what = mishap(
        append.events.map(({ type }) => type),
        runId,
      );
      if (what === 'fails') throw failure();
      const head = await log.append(runId, append);
      if (what !== undefined) throw failure();
      return head;
    },
  });
  return {
    description: store.description,
    for: (owner): OwnedStore => {
      const owned = store.for(owner);
      return { ...owned, log: flakyLog(owned.log) };
    },
    unfinished: () => store.unfinished(),
    close: () => store.close(),
    [Symbol.asyncDispose]: () => store.close(),
  };
}
