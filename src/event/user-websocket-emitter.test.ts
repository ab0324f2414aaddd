import fc from 'fast-check';
import { expect, test } from 'vitest';

import { nextTurn } from '../base/next-turn.ts';

import { checkRunLog } from '../../test/support/invariants.ts';
import { until } from '../../test/support/until.ts';
import { WritingHouse } from '../../test/support/writing-house.ts';
import { EnginehouseError } from '../base/errors.ts';
import { TestClock } from '../testing/test-clock.ts';

const full = new EnginehouseError('STORE_FULL', 'the disk is full', { file: 'log.sqlite' });

test('M1: events are numbered in the order of the calls, and those made together are committed together', async () => {
  await using house = await WritingHouse.open();
  await using emitter = await house.accepted();

  const seqs = await Promise.all([
    emitter.emit('agent_started', { agent: 'echo', attempt: 1 }),
    emitter.emit('agent_thinking', { turn: 0 }),
    emitter.emit('agent_completed', { result: 7 }),
  ]);

  expect(seqs).toEqual([2, 3, 4]);
  expect(house.appended.map((batch) => batch.map(({ type }) => type))).toEqual([
    ['agent_started', 'agent_thinking', 'agent_completed'],
  ]);
  expect(house.told).toEqual([
    [1, 0],
    [4, 3],
  ]);
  checkRunLog(await house.events());
});

test('M1: what comes while a commit is under way waits, and goes into the next one', async () => {
  await using house = await WritingHouse.open();
  await using emitter = await house.accepted();
  const release = house.hold();

  const first = emitter.emit('agent_started', { agent: 'echo', attempt: 1 });
  await nextTurn();
  await nextTurn();
  const [second, third] = [emitter.emit('run_queued', { position: 2 }), emitter.emit('run_queued', { position: 1 })];
  release();
  await Promise.all([first, second, third]);

  expect(house.appended.map((batch) => batch.length)).toEqual([1, 2]);
});

test('M1: what a caller writes one after the other without waiting for the disk goes together', async () => {
  await using house = await WritingHouse.open();
  await using emitter = await house.accepted();
  const step = async (): Promise<void> => void emitter.emit('agent_thinking', { turn: 0 });

  const first = emitter.emit('agent_started', { agent: 'echo', attempt: 1 });
  await step();
  await Promise.resolve().then(step);
  await Promise.all([first, emitter.emit('agent_completed', { result: null })]);

  expect(house.appended.map((batch) => batch.length)).toEqual([4]);
});

test('M2: deltas of one part that wait become one event with the whole text', async () => {
  await using house = await WritingHouse.open();
  await using emitter = await house.accepted();

  const seqs = await Promise.all([
    emitter.emit('message_delta', { message: 'a', delta: 'Ott' }),
    emitter.emit('message_delta', { message: 'a', delta: 'ers \ud83e' }),
    emitter.emit('message_delta', { message: 'a', delta: '\udda6' }),
    emitter.emit('message_delta', { message: 'b', delta: 'another' }),
    emitter.emit('reasoning_delta', { part: 'b', delta: 'of another kind' }),
    emitter.emit('message_delta', { message: 'b', delta: 'after that' }),
  ]);

  expect(seqs).toEqual([2, 2, 2, 3, 4, 5]);
  expect((await house.events()).slice(1).map(({ data }) => data)).toEqual([
    { message: 'a', delta: 'Otters 🦦' },
    { message: 'b', delta: 'another' },
    { part: 'b', delta: 'of another kind' },
    { message: 'b', delta: 'after that' },
  ]);
});

test('M2: merging never makes an event of more than 64 KB, in any script', async () => {
  await using house = await WritingHouse.open();
  await using emitter = await house.accepted();
  const text = '漢字'.repeat(5_000);

  await Promise.all([1, 2, 3, 4].map(() => emitter.emit('message_delta', { message: 'a', delta: text })));

  const events = (await house.events()).slice(1);
  expect(events.map(({ data }) => (data as { delta: string }).delta).join('')).toBe(text.repeat(4));
  for (const { data } of events) expect(Buffer.byteLength(JSON.stringify(data))).toBeLessThanOrEqual(65_536);
});

test('M1 and M2: whatever is written in whatever pieces, the log holds it once, in order, without gaps', async () => {
  const written = fc.array(
    fc.oneof(
      fc.record({
        kind: fc.constant('say' as const),
        part: fc.constantFrom('a', 'b'),
        text: fc.string({ maxLength: 8 }),
      }),
      fc.record({ kind: fc.constant('think' as const) }),
      fc.record({ kind: fc.constant('wait' as const) }),
    ),
    { maxLength: 40 },
  );
  await fc.assert(
    fc.asyncProperty(written, async (calls) => {
      await using house = await WritingHouse.open();
      await using emitter = await house.accepted();
      const seqs: Promise<number>[] = [];
      for (const call of calls) {
        if (call.kind === 'wait') await seqs.at(-1);
        else if (call.kind === 'think') seqs.push(emitter.emit('agent_thinking', { turn: 0 }));
        else seqs.push(emitter.emit('message_delta', { message: call.part, delta: call.text }));
      }
      seqs.push(emitter.emit('agent_completed', { result: null }));

      const numbers = await Promise.all(seqs);
      const events = await house.events();
      checkRunLog(events);
      expect(numbers).toEqual(numbers.toSorted((left, right) => left - right));
      expect(numbers.at(-1)).toBe(events.length);
      for (const part of ['a', 'b']) {
        const said = events.flatMap(({ type, data }) =>
          type === 'message_delta' && data.message === part ? [data.delta] : [],
        );
        const asked = calls.flatMap((call) => (call.kind === 'say' && call.part === part ? [call.text] : []));
        expect(said.join('')).toBe(asked.join(''));
      }
    }),
    { numRuns: 40 },
  );
});

test('M3: nothing is written after the terminal event, also by a call of the same moment', async () => {
  await using house = await WritingHouse.open();
  await using emitter = await house.accepted();

  const ending = emitter.emit('agent_failed', { error: full.toJSON() });
  const late = emitter.emit('message_delta', { message: 'a', delta: 'too late' });

  await expect(late).rejects.toMatchObject({ code: 'RUN_ENDED' });
  await expect(ending).resolves.toBe(2);
  await expect(emitter.emit('agent_completed', { result: 1 })).rejects.toMatchObject({ code: 'RUN_ENDED' });
  expect(emitter.writable).toBe(false);
  expect((await house.events()).map(({ type }) => type)).toEqual(['run_accepted', 'agent_failed']);
});

test('M3: a writer that lost its lease writes nothing more, and says so', async () => {
  await using house = await WritingHouse.open();
  await using emitter = await house.accepted();
  await using successor = house.emitter();
  await successor.take();

  await expect(emitter.emit('agent_started', { agent: 'echo', attempt: 1 })).rejects.toMatchObject({
    code: 'LEASE_LOST',
  });
  expect(emitter.failed.reason).toMatchObject({ code: 'LEASE_LOST' });
  await expect(successor.emit('agent_started', { agent: 'echo', attempt: 2 })).resolves.toBe(2);
  await expect(emitter.emit('agent_thinking', { turn: 0 })).rejects.toMatchObject({ code: 'LEASE_LOST' });
});

test('M3: a failed append refuses what waits behind it, and the log stays as it is durable', async () => {
  await using house = await WritingHouse.open();
  await using emitter = await house.accepted();
  house.fail(full);

  const lost = [
    emitter.emit('agent_started', { agent: 'echo', attempt: 1 }),
    emitter.emit('message_delta', { message: 'a', delta: 'never seen' }),
  ];
  await expect(Promise.allSettled(lost)).resolves.toMatchObject([{ reason: full }, { reason: full }]);
  house.fail(undefined);

  await expect(emitter.emit('agent_thinking', { turn: 0 })).rejects.toBe(full);
  expect(emitter.failed.reason).toBe(full);
  expect(await house.events()).toHaveLength(1);
  expect(house.told).toEqual([[1, 0]]);
});

test('M3: an emitter that was given up commits what is under way, and nothing after it', async () => {
  await using house = await WritingHouse.open();
  await using emitter = await house.accepted();
  const letGo = house.hold();
  const underWay = emitter.emit('agent_started', { agent: 'echo', attempt: 1 });
  await until('the commit is under way', () => house.appended.length === 1);
  const waiting = emitter.emit('message_delta', { message: 'a', delta: 'never seen' });

  emitter.giveUp(full);
  letGo();

  await expect(waiting).rejects.toBe(full);
  await expect(underWay).resolves.toBe(2);
  await expect(emitter.emit('agent_thinking', { turn: 0 })).rejects.toBe(full);
  expect(emitter.failed.reason).toBe(full);
  expect((await house.events()).map(({ type }) => type)).toEqual(['run_accepted', 'agent_started']);
});

test('M3: an emitter whose run has ended cannot be given up', async () => {
  await using house = await WritingHouse.open();
  await using emitter = await house.accepted();
  const ending = emitter.emit('agent_completed', { result: 1 });

  emitter.giveUp(full);

  await expect(ending).resolves.toBe(2);
  expect(emitter.failed.aborted).toBe(false);
});

test('M4: a caller that waits for nothing is refused past the bound, and what it wrote before is kept', async () => {
  await using house = await WritingHouse.open();
  await using emitter = await house.accepted({ limits: { emitterBytes: 65_536 } });
  const release = house.hold();
  const piece = 'x'.repeat(10_000);

  const calls = Array.from({ length: 20 }, (_, at) =>
    emitter.emit('message_delta', { message: `m${at}`, delta: piece }),
  );
  release();
  const outcomes = await Promise.allSettled(calls);

  const kept = outcomes.filter(({ status }) => status === 'fulfilled').length;
  expect(kept).toBe(6);
  expect(outcomes[6]).toMatchObject({ reason: { code: 'LIMIT_REACHED', details: { limit: 'emitterBytes' } } });
  expect(await house.events()).toHaveLength(1 + kept);
  await expect(emitter.emit('agent_thinking', { turn: 0 })).resolves.toBe(2 + kept);
});

test('M4: the bound counts bytes, not characters', async () => {
  await using house = await WritingHouse.open();
  await using emitter = await house.accepted({ limits: { emitterBytes: 65_536 } });

  const calls = Array.from({ length: 5 }, (_, at) =>
    emitter.emit('message_delta', { message: `m${at}`, delta: '漢'.repeat(7_000) }),
  );

  const outcomes = await Promise.allSettled(calls);
  expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(3);
});

test('M4: what closes a call or a run is written however much waits before it', async () => {
  await using house = await WritingHouse.open();
  await using emitter = await house.accepted({ limits: { emitterBytes: 65_536 } });
  await emitter.emit('tool_executing', { call: 'c#0', tool: 'c', input: null, step: 0 });
  const flood = Promise.allSettled(
    Array.from({ length: 3_000 }, () => emitter.emit('tool_progress', { call: 'c#0', progress: 1 })),
  );

  const done = { call: 'c#0', tool: 'c', step: 0, alone: true, outcome: 'ok', durationMs: 1 } as const;
  await Promise.all([
    emitter.emit('tool_completed', done),
    emitter.emit('cancel_requested', { by: 'ada', reason: 'enough' }),
    emitter.emit('agent_cancelled', { by: 'ada', reason: 'enough' }),
  ]);

  expect((await flood).at(-1)).toMatchObject({ reason: { code: 'LIMIT_REACHED' } });
  checkRunLog(await house.events());
});

test.each([
  ['data that the vocabulary does not know', { turn: -1 }],
  ['a bigint', { turn: 0, text: 1n }],
] as const)('%s is refused, and the run goes on', async (_what, data) => {
  await using house = await WritingHouse.open();
  await using emitter = await house.accepted();

  await expect(emitter.emit('agent_thinking', data as never)).rejects.toMatchObject({ code: 'EVENT_INVALID' });
  await expect(emitter.emit('agent_thinking', { turn: 0 })).resolves.toBe(2);
});

test.each([
  ['a value that is no JSON', { progress: 1n }],
  ['a value within itself', { progress: cycle() }],
  ['a value without a bottom', { progress: nested(200) }],
  ['a value of 64 KB', { progress: 'x'.repeat(65_536) }],
  ['64 KB in a script of three bytes', { progress: '漢'.repeat(22_000) }],
])('%s in an event is refused, and the run goes on', async (_what, data) => {
  await using house = await WritingHouse.open();
  await using emitter = await house.accepted();

  await expect(emitter.emit('tool_progress', { call: 'c#0', ...data } as never)).rejects.toMatchObject({
    code: 'EVENT_INVALID',
    details: { type: 'tool_progress' },
  });
  await expect(emitter.emit('tool_progress', { call: 'c#0', progress: nested(128) })).resolves.toBe(2);
});

test('a run that its owner started before is given back untouched, and not held', async () => {
  await using house = await WritingHouse.open();
  await using first = await house.accepted();
  await using second = await house.accepted();

  await expect(second.emit('agent_started', { agent: 'echo', attempt: 1 })).rejects.toMatchObject({ code: 'CLOSED' });
  await expect(first.emit('agent_started', { agent: 'echo', attempt: 1 })).resolves.toBe(2);
});

test('an emitter whose run does not exist cannot take it', async () => {
  await using house = await WritingHouse.open();
  await using emitter = house.emitter();

  await expect(emitter.take()).rejects.toMatchObject({ code: 'NOT_FOUND' });
});

test('closing commits what waits, then refuses, and gives the registry its entry back', async () => {
  await using house = await WritingHouse.open();
  const emitter = await house.accepted({ clock: new TestClock(5) });
  const waiting = emitter.emit('agent_thinking', { turn: 0 });

  await emitter.close();
  await emitter.close();

  await expect(waiting).resolves.toBe(2);
  await expect(emitter.emit('agent_thinking', { turn: 0 })).rejects.toMatchObject({ code: 'CLOSED' });
  expect(house.resources.remaining()).toEqual([]);
  expect((await house.events()).map(({ at }) => at)).toEqual([5, 5]);
});

function cycle(): unknown {
  const self: Record<string, unknown> = {};
  self['self'] = self;
  return self;
}

function nested(levels: number): never {
  let value: unknown = 1;
  for (let level = 0; level < levels; level += 1) value = [value];
  return value as never;
}
