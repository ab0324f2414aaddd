import fc from 'fast-check';
import { expect, test } from 'vitest';

import { TimelineHouse } from '../../../test/support/timeline-house.ts';
import {
  accepted,
  asked,
  begins,
  cancelled,
  childBegins,
  childEnds,
  completed,
  ends,
  progress,
  started,
  stepped,
  written,
  type Written,
} from '../../../test/support/written-log.ts';
import { brokenInvariants } from './invariants.ts';

test('all invariants hold of real runs that complete, fail and are cancelled', async () => {
  await using house = await TimelineHouse.open();
  const context = house.user('alice').context();
  const { events } = await house.run(context, 'clerk', { sku: 'otter' });
  const other = house.user('bob').context();
  const failing = await house.run(other, 'clumsy');
  const third = house.user('eve').context();
  const run = await house.start(third, 'patient');
  for await (const { type } of run) if (type === 'tool_progress') break;
  expect(brokenInvariants(await house.log(third, run.runId), { ended: false })).toEqual([]);
  await run.cancel('enough');
  await run.result;

  expect(brokenInvariants(events)).toEqual([]);
  expect(brokenInvariants(failing.events)).toEqual([]);
  expect(brokenInvariants(await house.log(third, run.runId))).toEqual([]);
});

const broken: readonly (readonly [rule: string, events: readonly Written[], says: readonly string[]])[] = [
  ['T1: a log is not empty', [], ['the log is empty: it must begin with run_accepted']],
  [
    'T1: it begins with run_accepted',
    [started, completed],
    ['the log begins with agent_started, not with run_accepted'],
  ],
  ['T1: a run is accepted once', [accepted, accepted, completed], ['event 2 accepts the run again']],
  ['T2: it ends', [accepted, started], ['the run has ended without a terminal event']],
  [
    'T2: nothing comes after the end',
    [accepted, completed, completed],
    ['event 3, agent_completed, comes after the terminal event 2, agent_completed'],
  ],
  [
    'T3: a call is closed',
    [accepted, begins('a#0'), completed],
    ['call a#0, begun by tool_executing in event 2, has no tool_completed'],
  ],
  [
    'T3: a call is closed once',
    [accepted, begins('a#0'), ends('a#0'), ends('a#0'), completed],
    ['event 4 closes call a#0, which event 3 closed'],
  ],
  ['T3: a call that ran began', [accepted, ends('a#0'), completed], ['event 2 closes call a#0, which never began']],
  [
    'T3: a call does not begin after its end',
    [accepted, begins('a#0'), ends('a#0'), begins('a#0'), completed],
    ['event 4 begins call a#0, which event 3 closed'],
  ],
  [
    'T4: progress is of a call that runs',
    [accepted, begins('a#0'), ends('a#0'), progress('a#0', 1), completed],
    ['event 4, tool_progress, is of call a#0, which does not run then'],
  ],
  [
    'T5: a child run is closed',
    [accepted, childBegins('r2', 'kid'), completed],
    ['child run r2, begun by subagent_started in event 2, has no subagent_completed'],
  ],
  [
    'T5: a child run begins once',
    [accepted, childBegins('r2', 'kid'), childBegins('r2', 'kid'), childEnds('r2', 'kid'), completed],
    ['event 3 begins child run r2, which event 2 began'],
  ],
  [
    'T6: who is cancelled was asked to end',
    [accepted, cancelled, asked],
    [
      'event 2, agent_cancelled, was asked for by no cancel_requested',
      'event 3, cancel_requested, comes after the terminal event 2, agent_cancelled',
    ],
  ],
];

test.each(broken)('%s', (_rule, events, says) => {
  expect(brokenInvariants(written(...events))).toEqual(says);
});

test('T7: times never go back', () => {
  const events = written(accepted, started, completed).map((event) => (event.seq === 2 ? { ...event, at: 5 } : event));

  expect(brokenInvariants(events)).toEqual([
    'event 2, agent_started, is 1763799999995 ms earlier than the event before it',
  ]);
});

test('a refused call has only an end, and a call that was lost begins again', () => {
  const refused = ends('a#0', { outcome: 'denied' });
  const again: Written = { type: 'step_reset', data: { step: 0, reason: 'its worker was lost' } };

  expect(
    brokenInvariants(written(accepted, refused, begins('b#0'), again, begins('b#0'), ends('b#0'), completed)),
  ).toEqual([]);
});

test('of a run that has not ended, calls may be open, and all that is written must be right', () => {
  const open = { ended: false };

  expect(brokenInvariants([], open)).toEqual([]);
  expect(brokenInvariants(written(accepted, begins('a#0'), childBegins('r2', 'kid')), open)).toEqual([]);
  expect(brokenInvariants(written(accepted, progress('a#0', 1)), open)).toHaveLength(1);
});

test('T1: a log with an event too few, too many, or in another place is broken', () => {
  const whole = written(
    accepted,
    started,
    begins('a#0'),
    progress('a#0', 1),
    ends('a#0'),
    stepped('s'),
    asked,
    cancelled,
  );
  const places = fc.record({ from: fc.nat(whole.length - 1), to: fc.nat(whole.length - 1) });

  fc.assert(
    fc.property(places, fc.constantFrom('drop', 'repeat', 'move'), ({ from, to }, how) => {
      fc.pre(how !== 'move' || from !== to);
      fc.pre(how !== 'drop' || from < whole.length);
      const event = whole[from];
      const log = how === 'repeat' ? [...whole] : whole.toSpliced(from, 1);
      if (how !== 'drop' && event !== undefined) log.splice(to, 0, event);

      expect(brokenInvariants(log)).not.toEqual([]);
    }),
  );
  expect(brokenInvariants(whole)).toEqual([]);
});
