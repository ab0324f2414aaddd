/**
 * Opens the log's store in a PostgreSQL database that is ready: for a runtime,
 * which has the database, or its tenant, for itself; or to be read.
 */

import type { ResourceRegistry } from '../../base/resource-registry.ts';
import type { Limits } from '../../context/limits.ts';
import type { Store } from '../../event/store.ts';
import { CommitLanes } from '../log/commit-lanes.ts';
import { CommitQueue } from '../log/commit-queue.ts';
import { LogStore } from '../log/log-store.ts';
import { Connections } from './connections.ts';
import { ExclusiveUse } from './exclusive-use.ts';
import { deriveFrom } from './layout.ts';
import { asStoreError } from './postgres-error.ts';
import { PostgresWriter } from './postgres-writer.ts';
import type { ReadyDatabase } from './provision.ts';
import { PostgresReader } from './reads.ts';
import { shownUrl, urlAs } from './target.ts';

export interface PostgresStoreOptions {
  readonly database: ReadyDatabase;
  readonly limits: Pick<Limits, 'commitBytes' | 'storeConnections' | 'storeTimeoutMs'>;
  readonly resources: ResourceRegistry;
  /** Names each new log. @default a random id */
  readonly mintEpoch?: (() => string) | undefined;
  /** Read a database without holding it: every write is refused with `STORE_READ_ONLY`. @default false */
  readonly readOnly?: boolean | undefined;
  /** Have this tenant for itself and leave the others: recovery is told of its runs alone. @default all of them */
  readonly tenant?: string | undefined;
}

/** Connections for commits are apart from those for reads, so that a reader does not keep a writer waiting. */
function shareOut({ storeConnections }: Pick<Limits, 'storeConnections'>): {
  readonly reads: number;
  readonly commits: number;
} {
  const commits = Math.floor(storeConnections / 2);
  return { commits, reads: storeConnections - commits };
}

/**
 * Opens a store. Close it to let go of its database.
 *
 * @throws `STORE_IN_USE` when another runtime has the database or the tenant, `STORE_FAILED` when the server cannot be
 * reached or refuses the login
 */
export async function openPostgresStore(options: PostgresStoreOptions): Promise<Store> {
  const { database, limits, resources, tenant } = options;
  const where = shownUrl(database.url);
  await using opening = new AsyncDisposableStack();
  opening.defer(resources.opened('store', where));
  try {
    const { reads, commits } = shareOut(limits);
    const reading = opening.use(connections(options, 'enginehouse reads', reads));
    if (options.readOnly === true) {
      await reading.open();
      const reader = new PostgresReader({ connections: reading, where });
      return new LogStore(`PostgreSQL at ${where}, to be read`, { where, reader, owned: opening.move() });
    }
    const url = systemUrl(database);
    const use = opening.use(new ExclusiveUse({ url, where, tenant, timeoutMs: limits.storeTimeoutMs }));
    const writing = opening.use(connections(options, 'enginehouse commits', commits));
    await allAtOnce([use.hold(), reading.open(), writing.open()]);
    const lane = (): CommitQueue => new CommitQueue(new PostgresWriter({ connections: writing, use, where }), limits);
    const queue = new CommitLanes(lane(), ...Array.from({ length: commits - 1 }, lane));
    await queue.submit({ name: 'dropLeftovers', args: { tenant } });
    const reader = new PostgresReader({ connections: reading, use, where, tenant });
    const { mintEpoch } = options;
    return new LogStore(`PostgreSQL at ${where}`, { where, reader, queue, mintEpoch, owned: opening.move() });
  } catch (error) {
    throw asStoreError(error, where, 'open');
  }
}

function connections({ database, limits, resources }: PostgresStoreOptions, name: string, most: number): Connections {
  return new Connections({
    url: systemUrl(database),
    name,
    most,
    timeoutMs: limits.storeTimeoutMs,
    key: deriveFrom(database.secret).principalKey,
    prepare: database.prepare,
    resources,
  });
}

/** Waits for all of them, so that none is under way when one has failed. @throws what the first in the list throws */
async function allAtOnce(opened: readonly Promise<void>[]): Promise<void> {
  const outcomes = await Promise.allSettled(opened);
  const failed = outcomes.find((outcome) => outcome.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
}

function systemUrl({ url, roles, secret }: ReadyDatabase): string {
  return urlAs(url, roles.system, deriveFrom(secret).systemPassword);
}
