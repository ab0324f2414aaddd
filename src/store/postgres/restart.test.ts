/** C3: a server that ends without a word, and comes back. */

import { expect, test } from 'vitest';

import { accept, ada, ALL, crcOf, delta } from '../../../test/contract/store/samples.ts';
import { RestartablePostgres } from '../../../test/support/restartable-postgres.ts';
import { until } from '../../../test/support/until.ts';
import { ResourceRegistry } from '../../base/resource-registry.ts';
import { isEnginehouseError } from '../../base/errors.ts';
import type { RunId } from '../../context/ids.ts';
import { resolveLimits } from '../../context/resolve-limits.ts';
import type { Store } from '../../event/store.ts';
import { openPostgresStore } from './open-postgres-store.ts';
import { provision } from './provision.ts';

/** Appends one event after another, as an engine does: after a failure it looks where the log stands. */
class Writing {
  acknowledged = 1;
  failures = 0;
  readonly done: Promise<void>;
  #stopped = false;

  constructor(store: Store, run: RunId) {
    this.done = this.#write(store, run);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.done;
  }

  async #write(store: Store, run: RunId): Promise<void> {
    const { log } = store.for(ada);
    let after: number | undefined = 1;
    while (!this.#stopped) {
      try {
        after ??= (await log.head(run))?.head ?? 0;
        after = await log.append(run, { generation: 1, after, events: [delta(`${after}`)] });
        this.acknowledged = after;
      } catch (error) {
        if (!isEnginehouseError(error, 'STORE_FAILED')) throw error;
        this.failures += 1;
        after = undefined;
      }
    }
  }
}

test('the store goes on by itself when the server comes back, and nothing that was acknowledged is lost', async () => {
  await using server = await RestartablePostgres.start();
  const database = await provision({ url: server.url }, []);
  await using store = await openPostgresStore({
    database,
    limits: resolveLimits(),
    resources: new ResourceRegistry(),
  });
  const runs = await Promise.all(['r1', 'r2', 'r3'].map(async (id) => (await accept(store.for(ada), id)).runId));
  const writing = runs.map((run) => new Writing(store, run));

  for (let crash = 0; crash < 2; crash += 1) {
    const before = writing.map(({ acknowledged, failures }) => ({ acknowledged, failures }));
    await until('all of them write', () =>
      writing.every((one, at) => one.acknowledged > (before[at]?.acknowledged ?? 0) + 20),
    );
    await server.crash();
    await until('all of them fail', () => writing.every((one, at) => one.failures > (before[at]?.failures ?? 0)));
    await server.restart();
  }
  const back = writing.map(({ acknowledged }) => acknowledged);
  await until('all of them write again', () => writing.every((one, at) => one.acknowledged > (back[at] ?? 0) + 20));
  await Promise.all(writing.map((one) => one.stop()));

  for (const [at, run] of runs.entries()) {
    const events = await store.for(ada).log.read(run, 0, ALL);
    expect(events.map(({ seq }) => seq)).toEqual(events.map((_, index) => index + 1));
    expect(events.length).toBeGreaterThanOrEqual(writing[at]?.acknowledged ?? Infinity);
    expect(await store.for(ada).log.head(run)).toMatchObject({ head: events.length, crc: crcOf(events) });
  }
});
