import type { Owner, RunId } from '../../context/ids.ts';
import type {
  Append,
  ArtifactStore,
  CommandInbox,
  NewEvent,
  OwnedStore,
  RunLog,
  RunTable,
  Store,
} from '../../event/store.ts';
import type { StoreCall, StoreOperation } from './store-call.ts';

/** What stands between the callers and the store. */
export interface Passage {
  /** One call. `given` is what the caller hands in beside events, where it is data. */
  pass<T>(call: StoreCall, ask: () => Promise<T>, given?: unknown): Promise<T>;
  /** One call that is answered piece by piece. */
  pieces(call: StoreCall, ask: () => AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array>;
  /** The caller's own content, on its way into the store. */
  content(owner: Owner, content: Content): AsyncIterable<Uint8Array>;
  accepted(owner: Owner, runId: RunId, at: number): void;
}

export type Content = AsyncIterable<Uint8Array> | Iterable<Uint8Array>;

/** The store as its callers see it: every call goes through `passage` and is done by `store`. */
export function tapStore(store: Store, passage: Passage): Store {
  return {
    description: store.description,
    for: (owner) => tapOwned(store.for(owner), owner, passage),
    unfinished: () => passage.pass(callOf('unfinished', undefined), () => store.unfinished()),
    close: () => store.close(),
    [Symbol.asyncDispose]: () => store.close(),
  };
}

/** The ports of one owner. */
function tapOwned(owned: OwnedStore, { tenantId, userId }: Owner, passage: Passage): OwnedStore {
  // Only the two ids: an owner may be a whole context, and calls may be kept.
  const owner: Owner = { tenantId, userId };
  const { leases, threads } = owned;
  return {
    log: tapLog(owned.log, owner, passage),
    runs: tapRuns(owned.runs, owner, passage),
    leases: {
      take: (runId, holder) => passage.pass(callOf('take', owner, runId), () => leases.take(runId, holder)),
    },
    commands: tapCommands(owned.commands, owner, passage),
    artifacts: tapArtifacts(owned.artifacts, owner, passage),
    threads: {
      get: (threadId) => passage.pass(callOf('threads.get', owner), () => threads.get(threadId)),
      list: (limit) => passage.pass(callOf('threads.list', owner), () => threads.list(limit)),
    },
  };
}

function tapLog(log: RunLog, owner: Owner, passage: Passage): RunLog {
  return {
    append: (runId, append) => passage.pass(appendOf(owner, runId, append), () => log.append(runId, append)),
    read: (runId, after, limit) => passage.pass(callOf('read', owner, runId), () => log.read(runId, after, limit)),
    head: (runId) => passage.pass(callOf('head', owner, runId), () => log.head(runId)),
  };
}

function tapRuns(runs: RunTable, owner: Owner, passage: Passage): RunTable {
  return {
    accept: (run) => {
      const ask = async () => {
        const answer = await runs.accept(run);
        if (answer.created) passage.accepted(owner, run.runId, run.accepted.at);
        return answer;
      };
      return passage.pass(callOf('accept', owner, run.runId, [run.accepted]), ask, run.context);
    },
    get: (runId) => passage.pass(callOf('get', owner, runId), () => runs.get(runId)),
    list: (query) => passage.pass(callOf('list', owner), () => runs.list(query)),
    delete: (runId) => passage.pass(callOf('delete', owner, runId), () => runs.delete(runId)),
  };
}

function tapCommands(commands: CommandInbox, owner: Owner, passage: Passage): CommandInbox {
  return {
    put: (command) => passage.pass(callOf('put', owner, command.runId), () => commands.put(command), command.args),
    pending: (runId) => passage.pass(callOf('pending', owner, runId), () => commands.pending(runId)),
    applied: (commandId, seq) => passage.pass(callOf('applied', owner), () => commands.applied(commandId, seq)),
  };
}

function tapArtifacts(artifacts: ArtifactStore, owner: Owner, passage: Passage): ArtifactStore {
  return {
    put: (artifact, content, limitBytes) =>
      passage.pass(
        callOf('artifacts.put', owner, artifact.runId),
        () => artifacts.put(artifact, passage.content(owner, content), limitBytes),
        artifact.title,
      ),
    get: (artifactId) => passage.pass(callOf('artifacts.get', owner), () => artifacts.get(artifactId)),
    read: (artifactId, start, end) =>
      passage.pieces(callOf('artifacts.read', owner), () => artifacts.read(artifactId, start, end)),
    list: (runId) => passage.pass(callOf('artifacts.list', owner, runId), () => artifacts.list(runId)),
    delete: (artifactId) => passage.pass(callOf('artifacts.delete', owner), () => artifacts.delete(artifactId)),
  };
}

const NONE: readonly NewEvent[] = [];

function callOf(
  operation: StoreOperation,
  owner: Owner | undefined,
  runId?: RunId,
  events: readonly NewEvent[] = NONE,
): StoreCall {
  return { operation, owner, runId, events, append: undefined };
}

function appendOf(owner: Owner, runId: RunId, append: Append): StoreCall {
  return { operation: 'append', owner, runId, events: append.events, append };
}
