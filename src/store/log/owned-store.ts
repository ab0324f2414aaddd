import type { Owner } from '../../context/ids.ts';
import type {
  ArtifactStore,
  CommandInbox,
  LeaseTable,
  OwnedStore,
  RunLog,
  RunTable,
  ThreadTable,
} from '../../event/store.ts';
import { readArtifact, uploadArtifact } from './artifact-content.ts';
import type { StoreAccess } from './store-access.ts';

/** The ports of one owner: each method names its write, or its query, and binds the owner to it. */
export function ownedStore(access: StoreAccess, { tenantId, userId }: Owner): OwnedStore {
  // Only the two ids: an owner may be a whole context, and goes to another thread with each write.
  const owner: Owner = { tenantId, userId };
  return {
    log: runLog(access, owner),
    runs: runTable(access, owner),
    leases: leaseTable(access, owner),
    commands: commandInbox(access, owner),
    artifacts: artifactStore(access, owner),
    threads: threadTable(access, owner),
  };
}

function runLog(access: StoreAccess, owner: Owner): RunLog {
  return {
    append: (runId, append) => access.write({ name: 'append', args: { ...append, owner, runId } }),
    read: (runId, after, limit) => access.read({ name: 'log.read', owner, args: { runId, after, limit } }),
    head: (runId) => access.read({ name: 'log.head', owner, args: runId }),
  };
}

function runTable(access: StoreAccess, owner: Owner): RunTable {
  return {
    accept: (run) => access.write({ name: 'accept', args: { owner, run, epoch: access.mintEpoch() } }),
    get: (runId) => access.read({ name: 'runs.get', owner, args: runId }),
    list: (query) => access.read({ name: 'runs.list', owner, args: query }),
    delete: (runId) => access.write({ name: 'deleteRun', args: { owner, runId } }),
  };
}

function leaseTable(access: StoreAccess, owner: Owner): LeaseTable {
  return { take: (runId, holder) => access.write({ name: 'take', args: { owner, runId, holder } }) };
}

function commandInbox(access: StoreAccess, owner: Owner): CommandInbox {
  return {
    put: (command) => access.write({ name: 'putCommand', args: { owner, command } }),
    pending: (runId) => access.read({ name: 'commands.pending', owner, args: runId }),
    applied: (commandId, seq) => access.write({ name: 'applied', args: { owner, commandId, seq } }),
  };
}

function artifactStore(access: StoreAccess, owner: Owner): ArtifactStore {
  return {
    put: (artifact, content, limitBytes) => uploadArtifact(access, owner, { artifact, content, limitBytes }),
    get: async (artifactId) => (await access.read({ name: 'artifacts.get', owner, args: artifactId }))?.record,
    read: (artifactId, start, end) => readArtifact(access, owner, { artifactId, start, end }),
    list: (runId) => access.read({ name: 'artifacts.list', owner, args: runId }),
    delete: (artifactId) => access.write({ name: 'deleteArtifact', args: { owner, artifactId } }),
  };
}

function threadTable(access: StoreAccess, owner: Owner): ThreadTable {
  return {
    get: (threadId) => access.read({ name: 'threads.get', owner, args: threadId }),
    list: (limit) => access.read({ name: 'threads.list', owner, args: limit }),
  };
}
