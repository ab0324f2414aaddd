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
import { findArtifact, listArtifacts } from './artifacts.ts';
import { pendingCommands } from './commands.ts';
import { logHead, readEvents } from './run-log.ts';
import { getRun, listRuns } from './runs.ts';
import type { StoreAccess } from './store-access.ts';
import { getThread, listThreads } from './threads.ts';

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
    read: (runId, after, limit) => access.read('log.read', (db) => readEvents(db, owner, { runId, after, limit })),
    head: (runId) => access.read('log.head', (db) => logHead(db, owner, runId)),
  };
}

function runTable(access: StoreAccess, owner: Owner): RunTable {
  return {
    accept: (run) => access.write({ name: 'accept', args: { owner, run, epoch: access.mintEpoch() } }),
    get: (runId) => access.read('runs.get', (db) => getRun(db, owner, runId)),
    list: (query) => access.read('runs.list', (db) => listRuns(db, owner, query)),
    delete: (runId) => access.write({ name: 'deleteRun', args: { owner, runId } }),
  };
}

function leaseTable(access: StoreAccess, owner: Owner): LeaseTable {
  return { take: (runId, holder) => access.write({ name: 'take', args: { owner, runId, holder } }) };
}

function commandInbox(access: StoreAccess, owner: Owner): CommandInbox {
  return {
    put: (command) => access.write({ name: 'putCommand', args: { owner, command } }),
    pending: (runId) => access.read('commands.pending', (db) => pendingCommands(db, owner, runId)),
    applied: (commandId, seq) => access.write({ name: 'applied', args: { owner, commandId, seq } }),
  };
}

function artifactStore(access: StoreAccess, owner: Owner): ArtifactStore {
  return {
    put: (artifact, content, limitBytes) => uploadArtifact(access, owner, { artifact, content, limitBytes }),
    get: (artifactId) => access.read('artifacts.get', (db) => findArtifact(db, owner, artifactId)?.record),
    read: (artifactId, start, end) => readArtifact(access, owner, { artifactId, start, end }),
    list: (runId) => access.read('artifacts.list', (db) => listArtifacts(db, owner, runId)),
    delete: (artifactId) => access.write({ name: 'deleteArtifact', args: { owner, artifactId } }),
  };
}

function threadTable(access: StoreAccess, owner: Owner): ThreadTable {
  return {
    get: (threadId) => access.read('threads.get', (db) => getThread(db, owner, threadId)),
    list: (limit) => access.read('threads.list', (db) => listThreads(db, owner, limit)),
  };
}
