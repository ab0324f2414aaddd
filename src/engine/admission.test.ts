import { expect, test } from 'vitest';

import { Slots } from '../factory/slots.ts';
import { DEFAULT_TENANT, userId, type Owner } from '../context/ids.ts';
import { EngineSlot } from './admission.ts';

const ada: Owner = { tenantId: DEFAULT_TENANT, userId: userId('ada') };
const HOUSE: Owner = { tenantId: DEFAULT_TENANT, userId: userId('house') };
const never = new AbortController().signal;

function slots(runsPerUser = 1): Slots {
  return new Slots({ runsPerUser, runsTotal: 100, queuePerUser: 100 }, HOUSE);
}

/** A run of this engine that wants to go in. */
function run(all: Slots, slot: EngineSlot, signal: AbortSignal = never) {
  const positions: number[] = [];
  const state = { in: false, positions };
  const entered = slot
    .enter(all.reserve(ada), signal, (position) => positions.push(position))
    .then((held) => {
      state.in = true;
      return held;
    });
  entered.catch(() => undefined);
  return { state, entered };
}

test('the runs of one engine share one slot, and the last to leave gives it back', async () => {
  const [all, slot] = [slots(4), new EngineSlot()];
  const first = await run(all, slot).entered;
  const second = await run(all, slot).entered;

  expect(all.running).toBe(1);
  first[Symbol.dispose]();
  first[Symbol.dispose]();
  expect(all.running).toBe(1);
  second[Symbol.dispose]();
  expect([all.running, all.waiting]).toEqual([0, 0]);
});

test('runs of one engine that wait go in together, and take one slot', async () => {
  const [all, slot] = [slots(), new EngineSlot()];
  const other = await run(all, new EngineSlot()).entered;
  const waiting = [run(all, slot), run(all, slot), run(all, slot)];
  const behind = run(all, new EngineSlot());
  await settled();
  expect(waiting.map(({ state }) => state.positions.at(-1))).toEqual([1, 2, 3]);

  other[Symbol.dispose]();
  await settled();

  expect(waiting.map(({ state }) => state.in)).toEqual([true, true, true]);
  expect([all.running, all.waiting]).toEqual([1, 1]);
  for (const { entered } of waiting) (await entered)[Symbol.dispose]();
  await behind.entered;
  expect(all.running).toBe(1);
});

test('runs of one engine that find slots at the same moment take one all the same', async () => {
  const [all, slot] = [slots(4), new EngineSlot()];
  const runs = [run(all, slot), run(all, slot), run(all, slot)];
  const held = await Promise.all(runs.map(({ entered }) => entered));

  expect(all.running).toBe(1);
  for (const each of held) each[Symbol.dispose]();
  expect([all.running, all.waiting]).toEqual([0, 0]);
});

test('a run that is stopped while it waits leaves alone, and the others go in', async () => {
  const [all, slot, stop] = [slots(), new EngineSlot(), new AbortController()];
  const other = await run(all, new EngineSlot()).entered;
  const [stopped, stays] = [run(all, slot, stop.signal), run(all, slot)];
  await settled();

  stop.abort(new Error('cancelled'));
  await expect(stopped.entered).rejects.toThrow('cancelled');
  other[Symbol.dispose]();
  (await stays.entered)[Symbol.dispose]();

  expect(all.running).toBe(0);
});

async function settled(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
}
