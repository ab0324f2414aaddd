import { ownerKey, type Owner, type RunId } from '../../context/ids.ts';
import { isTerminal } from '../../context/run-status.ts';
import type { Append, OwnedStore, RunLog, Store } from '../../event/store.ts';
import { isTrialUser, type Defect } from './defect.ts';

/** `lost-terminal-event`: the last event of a run never reaches the log, though its writer is told so. */
export const lostTerminalEvent: Defect = {
  store: (store, bit) =>
    around(store, (own, owner) => {
      if (isTrialUser(owner)) return own;
      return withAppend(own, async (log, runId, append) => {
        const kept = append.events.filter(({ type }) => !isTerminal(type));
        const lost = append.events.length - kept.length;
        if (lost === 0) return log.append(runId, append);
        bit();
        const head = kept.length === 0 ? append.after : await log.append(runId, { ...append, events: kept });
        return head + lost;
      });
    }),
};

/** `doubled-event`: the outcome of a tool call is in the log twice. */
export const doubledEvent: Defect = {
  store: (store, bit) =>
    around(store, (own, owner) => {
      if (isTrialUser(owner)) return own;
      return withAppend(own, (log, runId, append) => {
        const events = append.events.flatMap((event) => (event.type === 'tool_completed' ? [event, event] : [event]));
        if (events.length > append.events.length) bit();
        return log.append(runId, { ...append, events });
      });
    }),
};

/** `foreign-run`: whoever knows the id of another user's run can read it. */
export const foreignRun: Defect = {
  store: (store, bit) => {
    const owners = new Map<RunId, Owner>();
    const foreign = (owner: Owner, runId: RunId): OwnedStore | undefined => {
      const other = owners.get(runId);
      if (other === undefined || ownerKey(other) === ownerKey(owner)) return undefined;
      bit();
      return store.for(other);
    };
    return around(store, (own, owner) => ({
      ...own,
      runs: {
        list: (query) => own.runs.list(query),
        delete: (runId) => own.runs.delete(runId),
        accept: (run) => {
          if (!isTrialUser(owner) && !owners.has(run.runId)) owners.set(run.runId, owner);
          return own.runs.accept(run);
        },
        get: async (runId) => (await own.runs.get(runId)) ?? foreign(owner, runId)?.runs.get(runId),
      },
      log: {
        append: (runId, append) => own.log.append(runId, append),
        head: async (runId) => (await own.log.head(runId)) ?? foreign(owner, runId)?.log.head(runId),
        read: async (runId, after, limit) => {
          const known = (await own.log.head(runId)) === undefined ? foreign(owner, runId) : own;
          return known?.log.read(runId, after, limit) ?? [];
        },
      },
    }));
  },
};

function around(store: Store, broken: (own: OwnedStore, owner: Owner) => OwnedStore): Store {
  return {
    description: store.description,
    for: (owner) => broken(store.for(owner), owner),
    unfinished: () => store.unfinished(),
    close: () => store.close(),
    [Symbol.asyncDispose]: () => store[Symbol.asyncDispose](),
  };
}

type AppendOf = (log: RunLog, runId: RunId, append: Append) => Promise<number>;

function withAppend(own: OwnedStore, appendOf: AppendOf): OwnedStore {
  const { log } = own;
  return {
    ...own,
    log: {
      append: (runId, append) => appendOf(log, runId, append),
      read: (runId, after, limit) => log.read(runId, after, limit),
      head: (runId) => log.head(runId),
    },
  };
}
