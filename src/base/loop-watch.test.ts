import { expect, test } from 'vitest';

import { TestClock } from '../testing/test-clock.ts';
import { LoopWatch, type MachineTime } from './loop-watch.ts';

interface Worker {
  readonly name: string;
}

const [ada, bob] = [{ name: 'ada' }, { name: 'bob' }];

/** A machine whose event loop somebody can hold: time passes, and no timer fires. */
class Machine implements MachineTime {
  readonly clock = new TestClock(0);
  #held = 0;
  #worked = 0;

  now(): number {
    return this.clock.now() + this.#held;
  }

  worked(): number {
    return this.#worked;
  }

  after(ms: number, fire: () => void): () => void {
    return this.clock.after(ms, fire);
  }

  hold(ms: number, { working = ms } = {}): void {
    this.#held += ms;
    this.#worked += working;
  }
}

function watched() {
  const machine = new Machine();
  const blocked: (readonly [readonly string[], number])[] = [];
  const told = (suspects: readonly Worker[], ms: number): void =>
    void blocked.push([suspects.map(({ name }) => name), ms]);
  return { machine, blocked, watch: new LoopWatch<Worker>(1_000, told, machine) };
}

test('W1: who holds the loop too long is named at the next tick, once', async () => {
  const { machine, blocked, watch } = watched();
  watch.enter(ada);
  await machine.clock.advance(200);

  machine.hold(3_000);
  await machine.clock.advance(2_000);

  expect(blocked).toEqual([[['ada'], 3_000]]);
});

test('code that ends right after it held the loop is named too, and not a second time', async () => {
  const { machine, blocked, watch } = watched();
  watch.enter(ada);
  watch.enter(bob);
  watch.resume(ada);

  machine.hold(1_500);
  watch.leave(ada);
  await machine.clock.advance(2_000);

  expect(blocked).toEqual([[['ada'], 1_500]]);
});

test('short turns are nobody’s fault, however many there are', async () => {
  const { machine, blocked, watch } = watched();
  watch.enter(ada);

  for (let turn = 0; turn < 20; turn += 1) {
    machine.hold(700);
    await machine.clock.advance(250);
  }

  expect(blocked).toEqual([]);
});

test('W2: a laptop that slept did not work', async () => {
  const { machine, blocked, watch } = watched();
  watch.enter(ada);

  machine.hold(3_600_000, { working: 40 });
  await machine.clock.advance(1_000);

  expect(blocked).toEqual([]);
});

test('W3: one who waits for the house is not named for what another does', async () => {
  const { machine, blocked, watch } = watched();
  watch.enter(ada);
  watch.enter(bob);
  watch.pause(bob);
  watch.resume(ada);
  watch.resume(bob);
  watch.pause(bob);

  machine.hold(2_000);
  await machine.clock.advance(250);

  expect(blocked).toEqual([[['ada', 'bob'], 2_000]]);
});

test('W3: the only one at work is named, even when it comes back from something of its own', async () => {
  const { machine, blocked, watch } = watched();
  watch.enter(ada);
  watch.pause(ada);

  machine.hold(2_000);
  await machine.clock.advance(250);

  expect(blocked).toEqual([[['ada'], 2_000]]);
});

test('W3: one who has ended is not taken back in by what it left under way', async () => {
  const { machine, blocked, watch } = watched();
  watch.enter(ada);
  watch.enter(bob);
  watch.leave(ada);

  watch.resume(ada);
  machine.hold(2_000);
  await machine.clock.advance(250);
  watch.leave(bob);
  watch.resume(bob);

  expect(blocked).toEqual([[['bob'], 2_000]]);
});

test('W4: a tick after the last one has ended, no timer is left', async () => {
  const { machine, watch } = watched();
  watch.enter(ada);
  watch.leave(ada);

  await machine.clock.advance(250);

  expect(machine.clock.pending).toBe(0);
});
