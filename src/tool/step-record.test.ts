import fc from 'fast-check';
import { expect, test } from 'vitest';

import type { AgentEvent, EventData, EventType } from '../context/event.ts';
import { runId } from '../context/ids.ts';
import { StepRecord, type Place, type StepKind } from './step-record.ts';

/** The log of one run, as the record of its attempts is made from it. */
class Log {
  readonly events: AgentEvent[] = [];

  add<T extends EventType>(type: T, data: EventData<T>, at = this.events.length): void {
    this.events.push({ seq: this.events.length + 1, type, at, data } as AgentEvent);
  }

  fold(upTo = this.events.length): StepRecord {
    const record = new StepRecord(runId('r1'));
    for (const event of this.events.slice(0, upTo)) record.fold(event);
    return record;
  }
}

/** An attempt that does what an agent's body does, on a record, and writes what it does. */
class Attempt {
  readonly done: string[] = [];
  readonly #record: StepRecord;
  readonly #log: Log;

  constructor(log: Log, record: StepRecord) {
    this.#log = log;
    this.#record = record;
  }

  /** Begins a step, a call or a child run. */
  begin(kind: StepKind, name: string): Place {
    const place = this.#record.claim(kind, name);
    const { step, occurrence, id: call, recorded } = place;
    if (recorded?.state === 'ended') return place;
    if (kind === 'tool') this.#log.add('tool_executing', { call, tool: name, input: null, step });
    if (kind === 'agent' && recorded === undefined)
      this.#log.add('subagent_started', { run: `child of ${call}`, agent: name, occurrence, step });
    return place;
  }

  /** Ends it, and gives its outcome: the recorded one where there is one. */
  end(kind: StepKind, name: string, place: Place): unknown {
    using _ = place;
    const { step, occurrence, alone, id: call, recorded } = place;
    if (recorded?.state === 'ended') return recorded.value.result;
    this.done.push(`${kind} ${call}`);
    const result = `${kind} ${call} of attempt ${this.#record.attempts}`;
    const where = { step, alone, result };
    if (kind === 'step') this.#log.add('step_completed', { ...where, name, occurrence, outcome: 'ok' });
    else if (kind === 'tool')
      this.#log.add('tool_completed', { ...where, call, tool: name, outcome: 'ok', durationMs: 1 });
    else
      this.#log.add('subagent_completed', {
        ...where,
        run: `child of ${call}`,
        agent: name,
        occurrence,
        outcome: 'completed',
      });
    return result;
  }

  do(kind: StepKind, name: string): unknown {
    return this.end(kind, name, this.begin(kind, name));
  }
}

function attempt(log: Log, record = log.fold()): Attempt {
  return new Attempt(log, record);
}

const mismatch = (recorded: string, requested: string): unknown =>
  expect.objectContaining({ code: 'STEP_MISMATCH', details: { runId: 'r1', recorded, requested } });

test('places are numbered in the order of starts, and occurrences per kind and name', () => {
  const record = new Log().fold();

  const places = (['step a', 'step a', 'tool a', 'agent a', 'step b', 'tool a'] as const).map((text) => {
    const [kind, name] = text.split(' ') as [StepKind, string];
    using place = record.claim(kind, name);
    return [place.step, place.id];
  });

  expect(places).toEqual([
    [0, 'a#0'],
    [1, 'a#1'],
    [2, 'a#0'],
    [3, 'a#0'],
    [4, 'b#0'],
    [5, 'a#1'],
  ]);
});

test('R1: what is recorded gives its recorded outcome, and only the rest is done', () => {
  const log = new Log();
  const first = attempt(log);
  for (const name of ['a', 'b', 'a']) first.do('step', name);

  const second = attempt(log, log.fold(2));

  expect(['a', 'b', 'a'].map((name) => second.do('step', name))).toEqual([
    'step a#0 of attempt 0',
    'step b#0 of attempt 0',
    'step a#1 of attempt 0',
  ]);
  expect(second.done).toEqual(['step a#1']);
});

test('R1: a call that was under way is told to have begun, with the call it was', () => {
  const log = new Log();
  attempt(log).begin('tool', 'pay');
  attempt(log, new Log().fold()).begin('agent', 'clerk');

  const record = log.fold();

  expect(record.claim('tool', 'pay').recorded).toMatchObject({ state: 'started', began: { data: { call: 'pay#0' } } });
  expect(record.claim('agent', 'clerk').recorded).toMatchObject({
    state: 'started',
    began: { data: { run: 'child of clerk#0' } },
  });
});

test.each([
  ['a changed name', ['a', 'x'], 'step b#0', 'step x#0'],
  ['another order', ['b'], 'step a#0', 'step b#0'],
  ['one step less in between', ['a', 'c'], 'step b#0', 'step c#0'],
  ['a new step before', ['x'], 'step a#0', 'step x#0'],
])('R2: %s is a mismatch that names both sides', (_what, names, recorded, requested) => {
  const log = new Log();
  const first = attempt(log);
  for (const name of ['a', 'b', 'c']) first.do('step', name);

  const second = attempt(log);

  expect(() => names.forEach((name) => second.do('step', name))).toThrowError(mismatch(recorded, requested));
  expect(second.done).toEqual([]);
});

test('R2: a step that became a tool is another thing', () => {
  const log = new Log();
  attempt(log).do('step', 'a');

  expect(() => attempt(log).do('tool', 'a')).toThrowError(mismatch('step a#0', 'tool a#0'));
});

test('R3: branches that took turns otherwise the first time are matched by key', () => {
  const log = new Log();
  const first = attempt(log);
  // Promise.all([a1 then a2, b1 then b2 then b3]), in which a1 took longest, so that a2 ran alone.
  const a1 = first.begin('step', 'a1');
  for (const name of ['b1', 'b2', 'b3']) first.do('step', name);
  first.end('step', 'a1', a1);
  first.do('step', 'a2');

  const second = attempt(log);
  for (const name of ['a1', 'a2', 'b1', 'b2', 'b3', 'after']) second.do('step', name);

  expect(second.done).toEqual(['step after#0']);
});

test('R4: at the end nothing recorded is left over', () => {
  const log = new Log();
  const first = attempt(log);
  for (const name of ['a', 'b']) first.do('step', name);
  const record = log.fold();

  attempt(log, record).do('step', 'a');

  expect(() => record.checkAllClaimed()).toThrowError(mismatch('step b#0', 'the end of the run'));
});

test('R5: a mismatch that the agent catches stays one', () => {
  const log = new Log();
  attempt(log).do('step', 'a');
  const record = log.fold();

  expect(() => record.claim('step', 'x')).toThrowError(mismatch('step a#0', 'step x#0'));
  expect(() => record.claim('step', 'a')).toThrowError(mismatch('step a#0', 'step x#0'));
  expect(() => record.checkAllClaimed()).toThrowError(mismatch('step a#0', 'step x#0'));
  expect(record.mismatched).toMatchObject({ code: 'STEP_MISMATCH' });
});

test('what an earlier attempt began and nobody came back to is open', () => {
  const log = new Log();
  const first = attempt(log);
  first.do('tool', 'search');
  first.begin('tool', 'pay');
  first.begin('agent', 'clerk');
  first.begin('tool', 'pack');
  const record = log.fold();

  attempt(log, record).begin('tool', 'pack');

  expect(record.open.map(({ type, data }) => (type === 'tool_executing' ? data.call : data.run))).toEqual([
    'pay#0',
    'child of clerk#0',
  ]);
});

test('active time is what the attempts worked, not what lies between them', () => {
  const log = new Log();
  log.add('run_accepted', { agent: 'a', version: '1', input: null }, 0);
  log.add('run_queued', { position: 1 }, 1_000);
  log.add('agent_started', { agent: 'a', attempt: 1 }, 60_000);
  log.add('agent_thinking', { turn: 0 }, 60_500);
  // The process was down for a day, and the run waited for its slot again.
  log.add('run_queued', { position: 1 }, 86_400_000);
  log.add('agent_started', { agent: 'a', attempt: 2 }, 86_460_000);
  log.add('agent_thinking', { turn: 1 }, 86_460_250);
  log.add('run_parked', { reason: 'approval' }, 86_460_300);
  log.add('run_resumed', { reason: 'approved' }, 172_800_000);
  log.add('agent_thinking', { turn: 2 }, 172_800_010);

  const record = log.fold();

  expect(record.activeMs).toBe(500 + 300 + 10);
  expect(record.attempts).toBe(2);
});

test('a clock that was set back takes nothing off the active time', () => {
  const log = new Log();
  log.add('agent_started', { agent: 'a', attempt: 1 }, 1_000);
  log.add('agent_thinking', { turn: 0 }, 900);
  log.add('agent_thinking', { turn: 1 }, 1_100);

  expect(log.fold().activeMs).toBe(100);
});

test('a turn, an answer and an artifact that were told are not told again', () => {
  const log = new Log();
  log.add('agent_thinking', { turn: 0 });
  log.add('message_delta', { message: 'answer', delta: 'Otters ' });
  log.add('message_delta', { message: 'answer', delta: 'hold hands.' });
  log.add('artifact_created', { artifact: 'x', kind: 'file', title: 'x', mediaType: 'text/plain', bytes: 1 });
  log.add('cancel_requested', { by: 'ada', reason: 'enough' });
  log.add('cancel_requested', { by: 'bob', reason: 'too late' });
  const record = log.fold();

  expect([record.takeTurn(), record.takeTurn()]).toEqual([
    { turn: 0, recorded: true },
    { turn: 1, recorded: false },
  ]);
  expect(record.said).toBe('Otters hold hands.');
  expect([record.announced('x'), record.announced('y'), record.announced('y')]).toEqual([true, false, true]);
  expect(record.cancelRequested).toEqual({ seq: 5, by: 'ada', reason: 'enough' });
});

/** A body: parts one after another, each a list of branches that run at once. */
type Body = readonly (readonly (readonly { readonly kind: StepKind; readonly name: string }[])[])[];

const call = fc.record({ kind: fc.constantFrom<StepKind>('step', 'tool', 'agent'), name: fc.constantFrom('a', 'b') });
const branch = fc.array(call, { minLength: 1, maxLength: 4 });
const body: fc.Arbitrary<Body> = fc.array(fc.array(branch, { minLength: 1, maxLength: 3 }), {
  minLength: 1,
  maxLength: 4,
});

/**
 * Runs a body with the turns that `dice` decides, and gives the outcomes of each branch. As with real promises every
 * branch of a part begins before any of them goes on. A name is made unique by its branch, because which occurrence a
 * branch gets of a name that it shares with another is nobody's promise.
 */
function runBody(parts: Body, work: Attempt, dice: Iterator<number>): unknown[][] {
  const outcomes: unknown[][] = [];
  for (const [part, branches] of parts.entries()) {
    const states = branches.map((calls, index) => {
      const own = calls.map(({ kind, name }) => ({
        kind,
        name: branches.length > 1 ? `${name}${part}.${index}` : name,
      }));
      const got: unknown[] = [];
      outcomes.push(got);
      return { calls: own, got, at: 0, place: beginAt(work, own[0]) };
    });
    for (let open = states; open.length > 0; open = open.filter(({ at, calls }) => at < calls.length)) {
      const state = open[Number(dice.next().value) % open.length];
      const current = state?.calls[state.at];
      if (state === undefined || current === undefined) continue;
      state.got.push(work.end(current.kind, current.name, state.place as Place));
      state.at += 1;
      state.place = beginAt(work, state.calls[state.at]);
    }
  }
  return outcomes;
}

function beginAt(
  work: Attempt,
  next: { readonly kind: StepKind; readonly name: string } | undefined,
): Place | undefined {
  return next && work.begin(next.kind, next.name);
}

test('R1 to R4: after a crash anywhere the same body goes on, does nothing twice, and sees what it saw', () => {
  fc.assert(
    fc.property(body, fc.infiniteStream(fc.nat()), fc.nat(), (parts, dice, crash) => {
      const log = new Log();
      runBody(parts, attempt(log), dice);
      const kept = new Log();
      kept.events.push(...log.events.slice(0, crash % (log.events.length + 1)));
      kept.add('agent_started', { agent: 'x', attempt: 2 });
      const before = kept.events.length;

      const record = kept.fold();
      const second = attempt(kept, record);
      const seen = runBody(parts, second, dice);
      record.checkAllClaimed();

      const ended = kept.events.flatMap(({ type, data }) =>
        type === 'step_completed' || type === 'tool_completed' || type === 'subagent_completed' ? [data.result] : [],
      );
      expect(new Set(ended).size).toBe(ended.length);
      expect(new Set(ended)).toEqual(new Set(seen.flat()));
      expect(record.open).toEqual([]);
      expect(second.done).toHaveLength(seen.flat().filter((text) => String(text).endsWith('attempt 2')).length);
      // A third attempt has nothing left to do.
      const third = attempt(kept, kept.fold());
      expect(runBody(parts, third, dice)).toEqual(seen);
      expect(third.done).toEqual([]);
      expect(kept.events.length).toBeGreaterThanOrEqual(before);
    }),
    { numRuns: 300 },
  );
});

test('R2 and R4: a sequence that was changed anywhere it was recorded fails, before it does anything', () => {
  const names = fc.uniqueArray(fc.string({ minLength: 1, maxLength: 3 }), { minLength: 2, maxLength: 8 });
  fc.assert(
    fc.property(names, fc.nat(), fc.constantFrom('rename', 'swap', 'drop', 'insert'), (steps, place, change) => {
      const log = new Log();
      const first = attempt(log);
      for (const name of steps) first.do('step', name);
      const at = place % (steps.length - 1);
      const changed = [...steps];
      if (change === 'rename') changed[at] = 'renamed';
      else if (change === 'swap') changed.splice(at, 2, steps[at + 1] ?? '', steps[at] ?? '');
      else if (change === 'drop') changed.splice(at, 1);
      else changed.splice(at, 0, 'inserted');

      const record = log.fold();
      const second = attempt(log, record);
      expect(() => {
        for (const name of changed) second.do('step', name);
        record.checkAllClaimed();
      }).toThrowError(expect.objectContaining({ code: 'STEP_MISMATCH' }));
      expect(second.done).toEqual([]);
    }),
  );
});
