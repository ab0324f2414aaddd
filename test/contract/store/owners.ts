import { expect, test } from 'vitest';

import { runId, threadId } from '../../../src/context/ids.ts';
import type { Store } from '../../../src/event/store.ts';
import {
  ada,
  adaElsewhere,
  ALL,
  AT,
  bob,
  contentOf,
  delta,
  newArtifact,
  newCommand,
  newRun,
  runWith,
  type OpenStore,
} from './samples.ts';

const STRANGERS = [
  ['another user of the tenant', bob],
  ['the user of the same name in another tenant', adaElsewhere],
] as const;

export function ownersContract(open: OpenStore): void {
  test.each(STRANGERS)('%s sees nothing', async (_who, stranger) => {
    await using store = (await open()).store;
    await furnish(store);
    const { log, runs, commands, artifacts, threads } = store.for(stranger);
    const key = runId('r1');

    expect(await log.read(key, 0, ALL)).toEqual([]);
    expect(await log.head(key)).toBeUndefined();
    expect(await runs.get(key)).toBeUndefined();
    expect(await runs.list({ limit: 9 })).toEqual([]);
    expect(await runs.list({ limit: 9, threadId: threadId('t1') })).toEqual([]);
    expect(await runs.list({ limit: 9, parentRunId: key })).toEqual([]);
    expect(await runs.list({ limit: 9, status: 'queued' })).toEqual([]);
    expect(await commands.pending(key)).toEqual([]);
    expect(await artifacts.get('f1')).toBeUndefined();
    expect(await contentOf(artifacts, 'f1')).toHaveLength(0);
    expect(await artifacts.list(key)).toEqual([]);
    expect(await threads.get(threadId('t1'))).toBeUndefined();
    expect(await threads.list(9)).toEqual([]);
  });

  test.each(STRANGERS)('%s changes nothing', async (_who, stranger) => {
    await using store = (await open()).store;
    await furnish(store);
    const before = await everything(store);
    const { log, runs, leases, commands, artifacts } = store.for(stranger);
    const key = runId('r1');
    const absent = { code: 'NOT_FOUND', details: { what: 'run', id: 'r1' } };

    await expect(log.append(key, { generation: 1, after: 2, events: [delta('x')] })).rejects.toMatchObject(absent);
    expect(await leases.take(key, 'thief')).toBeUndefined();
    expect(await runs.delete(key)).toBe(false);
    await expect(commands.put(newCommand('c2', 'r1'))).rejects.toMatchObject(absent);
    await commands.applied('c1', 1);
    expect(await artifacts.delete('f1')).toBe(false);

    expect(await everything(store)).toEqual(before);
  });

  test.each(STRANGERS)('%s may use the same ids, each for their own', async (_who, stranger) => {
    await using store = (await open()).store;
    await furnish(store);
    const before = await everything(store);
    const { log, runs, leases, commands, artifacts, threads } = store.for(stranger);
    const key = runId('r1');

    expect(await runs.accept(newRun('r1', { agent: 'other', at: AT + 50 }))).toMatchObject({
      created: true,
      run: { agent: 'other', head: 1 },
    });
    await leases.take(key, 'node-9');
    await log.append(key, { generation: 2, after: 1, events: [delta('theirs'), delta('more')] });
    expect(await commands.put(newCommand('c1', 'r1', AT + 60))).toMatchObject({
      created: true,
      command: { at: AT + 60 },
    });
    await commands.applied('c1', 3);
    await artifacts.put(newArtifact('f1', 'r1'), [Buffer.from('theirs')], 100);

    expect(await everything(store)).toEqual(before);
    expect(`${await contentOf(artifacts, 'f1')}`).toBe('theirs');
    expect(await threads.get(threadId('t1'))).toMatchObject({ createdAt: AT + 50 });
    expect(await runs.delete(key)).toBe(true);
    expect(await everything(store)).toEqual(before);
  });

  test('two owners whose ids read alike when joined are two', async () => {
    await using store = (await open()).store;
    const { tenantId: tenant, userId: user } = adaElsewhere;
    await runWith(store.for(adaElsewhere), 'r1', ['a']);

    const lookalike = store.for({ tenantId: `${tenant}:` as typeof tenant, userId: user.slice(1) as typeof user });

    expect(await lookalike.runs.list({ limit: 9 })).toEqual([]);
  });
}

/** Something of Ada's in every table. */
async function furnish(store: Store): Promise<void> {
  const owned = store.for(ada);
  await runWith(owned, 'r1', ['mine']);
  await owned.runs.accept(newRun('child', { parentRunId: runId('r1'), origin: 'agent' }));
  await owned.commands.put(newCommand('c1', 'r1'));
  await owned.artifacts.put(newArtifact('f1', 'r1'), [Buffer.from('mine')], 100);
}

/** All that Ada can see. */
async function everything(store: Store): Promise<unknown> {
  const { log, runs, commands, artifacts, threads } = store.for(ada);
  const key = runId('r1');
  return {
    events: await log.read(key, 0, ALL),
    runs: await runs.list({ limit: 9 }),
    commands: await commands.pending(key),
    artifacts: await artifacts.list(key),
    content: `${await contentOf(artifacts, 'f1')}`,
    threads: await threads.list(9),
  };
}
