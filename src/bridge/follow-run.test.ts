import { expect, test } from 'vitest';

import { BridgeHouse, owner, writeDeltas } from '../../test/support/bridge-house.ts';
import type { AgentEvent } from '../context/event.ts';
import { runId } from '../context/ids.ts';

test('a follower gets what exists and then what comes, up to and with the terminal event', async () => {
  await using house = await BridgeHouse.open();
  const emitter = await house.accept('r1');
  await writeDeltas(emitter, 150);
  const following = collect(house.bridge.follow(owner(), runId('r1'), 0));

  await writeDeltas(emitter, 150);
  await emitter.emit('agent_completed', { result: 'done' });

  const events = await following;
  expect(events.map(({ seq }) => seq)).toEqual(Array.from({ length: 302 }, (_, index) => index + 1));
  expect(events).toEqual(await house.store.for(owner()).log.read(runId('r1'), 0, 1_000));
});

test('a follower starts after its cursor', async () => {
  await using house = await BridgeHouse.open();
  await house.write('r1', 5);

  const events = await collect(house.bridge.follow(owner(), runId('r1'), 6));

  expect(events.map(({ seq, type }) => [seq, type])).toEqual([[7, 'agent_completed']]);
});

test('following ends at once for a run that is over, unknown or foreign', async () => {
  await using house = await BridgeHouse.open();
  await house.write('r1', 1);

  expect(await collect(house.bridge.follow(owner(), runId('r1'), 3))).toEqual([]);
  expect(await collect(house.bridge.follow(owner(), runId('r1'), 99))).toEqual([]);
  expect(await collect(house.bridge.follow(owner(), runId('never'), 0))).toEqual([]);
  expect(await collect(house.bridge.follow(owner('bob'), runId('r1'), 0))).toEqual([]);
});

test('a follower that waits is ended by its signal, with the reason', async () => {
  await using house = await BridgeHouse.open();
  await house.accept('r1');
  const aborter = new AbortController();
  const follower = house.bridge.follow(owner(), runId('r1'), 1, aborter.signal);

  const waiting = follower.next();
  aborter.abort(new Error('enough'));

  await expect(waiting).rejects.toThrow('enough');
  expect(house.resources.remaining('follower')).toEqual([]);
});

test('followers end with CLOSED when the bridge closes, and none can begin after', async () => {
  await using house = await BridgeHouse.open();
  await house.accept('r1');
  const waiting = house.bridge.follow(owner(), runId('r1'), 1).next();

  await house.bridge.close();

  await expect(waiting).rejects.toMatchObject({ code: 'CLOSED' });
  await expect(house.bridge.follow(owner(), runId('r1'), 0).next()).rejects.toMatchObject({ code: 'CLOSED' });
  expect(house.resources.remaining('follower')).toEqual([]);
});

test('a follower that reads slowly misses nothing', async () => {
  await using house = await BridgeHouse.open();
  const emitter = await house.accept('r1');
  const follower = house.bridge.follow(owner(), runId('r1'), 0);
  const first = await follower.next();

  await writeDeltas(emitter, 500, 'a text that fills the tail '.repeat(20));
  await emitter.emit('agent_completed', { result: null });
  const rest = await collect(follower);

  expect(first.value).toMatchObject([{ seq: 1 }]);
  expect(rest.map(({ seq }) => seq)).toEqual(Array.from({ length: 501 }, (_, index) => index + 2));
});

test('what one follower does to an event reaches nobody else', async () => {
  await using house = await BridgeHouse.open();
  const emitter = await house.accept('r1');
  const one = house.bridge.follow(owner(), runId('r1'), 1);
  const two = house.bridge.follow(owner(), runId('r1'), 1);
  const [first, second] = [one.next(), two.next()];

  await emitter.emit('tool_progress', { call: 'c1', progress: { done: 1 } });
  const mine = (await first).value?.[0];
  Object.assign(mine?.data ?? {}, { call: 'changed' });

  expect((await second).value).toMatchObject([{ data: { call: 'c1' } }]);
  await one.return();
  await two.return();
});

test('a run that is deleted ends its followers when they read on', async () => {
  await using house = await BridgeHouse.open();
  await house.write('r1', 200);
  const follower = house.bridge.follow(owner(), runId('r1'), 0);
  await follower.next();

  await house.store.for(owner()).runs.delete(runId('r1'));

  expect(await collect(follower)).toEqual([]);
});

async function collect(batches: AsyncIterable<readonly AgentEvent[]>): Promise<AgentEvent[]> {
  const events: AgentEvent[] = [];
  for await (const batch of batches) events.push(...batch);
  return events;
}
