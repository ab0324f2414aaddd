import { expect, test } from 'vitest';

import { TimelineHouse } from '../../../test/support/timeline-house.ts';
import {
  accepted,
  begins,
  childBegins,
  childEnds,
  completed,
  ends,
  says,
  started,
  written,
} from '../../../test/support/written-log.ts';
import { isEnginehouseError } from '../../base/errors.ts';
import { assertSeenNothing, assertTimeline, timelineSnapshot } from './assert.ts';
import { eventsOf } from './source.ts';

test('a real run is what a pattern says of it, from its starter, from a client, and from its events', async () => {
  await using house = await TimelineHouse.open();
  const alice = house.user('alice');
  const client = await alice.client();
  const followed = client.start('clerk', { sku: 'otter' });
  const context = alice.context({ runId: followed.id });
  const reader = house.readerFor(context);
  const run = await house.start(alice.context(), 'clerk', { sku: 'otter' });

  for (const source of [run, followed, await eventsOf(followed)]) {
    await assertTimeline(
      source,
      (t) =>
        t.seq(
          t.started,
          t.think('look it up'),
          t.par(t.tool('stock', { output: { left: 5 } }), t.tool('price')),
          t.say('There are 5 left.'),
          t.step('note'),
          t.agent('herald', t.seq(t.tool('stock', { input: { sku: 'otter' } }), t.completed)),
          t.completed,
        ),
      { reader },
    );
  }
  expect(await timelineSnapshot(followed, { reader })).toBe(await timelineSnapshot(run, { reader }));
});

test('runs that fail and that are cancelled are what patterns say of them', async () => {
  await using house = await TimelineHouse.open();
  const { run: failing } = await house.run(house.user('alice').context(), 'clumsy');
  const run = await house.start(house.user('bob').context(), 'patient');
  for await (const { type } of run) if (type === 'tool_progress') break;
  await run.cancel('enough');

  await assertTimeline(failing, (t) =>
    t.exactly(t.started, t.think, t.tool('breaks', { outcome: 'error' }), t.failed('TOOL_FAILED')),
  );
  await assertTimeline(run, (t) =>
    t.seq(t.started, t.par(t.tool('waits', { outcome: 'error' }), t.cancelRequested), t.cancelled('enough')),
  );
});

test('a mismatch shows the pattern, the run, and the first place where they part', async () => {
  const events = written(
    accepted,
    started,
    begins('a#0', { n: 1 }),
    begins('b#0', { n: 2 }),
    ends('a#0', { alone: false }),
    ends('b#0', { alone: false }),
    says('done'),
    completed,
  );

  const error = await failure(
    assertTimeline(events, (t) => t.seq(t.started, t.par(t.tool('a'), t.tool('b', { input: { n: 3 } })), t.completed)),
  );

  expect(error.code).toBe('TIMELINE_MISMATCH');
  expect(error.details).toEqual({
    pattern: 'seq(started, par(tool("a"), tool("b", { input: { n: 3 } })), completed)',
  });
  expect(error.message).toBe(`the timeline of the run is not what was expected

expected:
  seq(started, par(tool("a"), tool("b", { input: { n: 3 } })), completed)

the run:
  accepted boss {}
  started
  par
    tool a {"n":1} → null
>   tool b {"n":2} → null
      ^ here was expected: tool("b", { input: { n: 3 } })
      ^ not tool("b", { input: { n: 3 } }): of tool b, input.n is 2, not 3
  saying "done"
  completed "done"

its log:
1  +0 ms  run_accepted {"agent":"boss","input":{},"version":"1"}
2  +1 ms  agent_started {"agent":"boss","attempt":1}
3  +2 ms  tool_executing {"call":"a#0","input":{"n":1},"step":0,"tool":"a"}
4  +3 ms  tool_executing {"call":"b#0","input":{"n":2},"step":0,"tool":"b"}
5  +4 ms  tool_completed {"alone":false,"call":"a#0","durationMs":1,"outcome":"ok","step":0,"tool":"a"}
6  +5 ms  tool_completed {"alone":false,"call":"b#0","durationMs":1,"outcome":"ok","step":0,"tool":"b"}
7  +6 ms  message_delta {"delta":"done","message":"answer"}
8  +7 ms  agent_completed {"result":"done"}`);
});

test('a run that ends before all of the pattern is marked at its end', async () => {
  const { message } = await failure(
    assertTimeline(written(accepted, completed), (t) => t.seq(t.completed, t.say('x'))),
  );

  expect(message).toContain('  completed "done"\n> (the end)\n      ^ here was expected: say("x")\n');
});

test('of a long run, what is around the place is shown', async () => {
  const calls = Array.from({ length: 200 }, (_none, n) => [begins(`a#${n}`, { n }), ends(`a#${n}`)]).flat();
  const events = written(accepted, ...calls, completed);

  const { message } = await failure(assertTimeline(events, (t) => t.seq(t.times(150, t.tool('a')), t.completed)));

  expect(message).toContain('expected:\n  seq(times(150, tool("a")), completed)\n');
  expect(message).toContain('> tool a {"n":150} → null');
  expect(message).not.toContain('{"n":1}');
  expect(message).toContain('  … 131 more\n');
  expect(message.split('\n').length).toBeLessThan(100);
});

test('a pattern longer than a line is written in lines', async () => {
  const names = ['first', 'second', 'third', 'fourth', 'fifth', 'sixth', 'seventh'];

  const { message } = await failure(
    assertTimeline(written(accepted, completed), (t) =>
      t.seq(t.par(...names.map((name) => t.tool(name))), t.maybe(t.any)),
    ),
  );

  expect(message).toContain(`expected:
  seq(
    par(
      tool("first"),
      tool("second"),
      tool("third"),
      tool("fourth"),
      tool("fifth"),
      tool("sixth"),
      tool("seventh"),
    ),
    maybe(any),
  )
`);
});

test('a user has seen nothing once all that was on its way has come', async () => {
  const received = ['{"t":"hb","at":1,"head":{}}'];
  const settled = async (): Promise<void> => {
    await Promise.resolve();
    received.push('{"t":"ev","s":"run:r1","e":"e","from":1,"at":1,"ev":[]}');
  };

  await assertSeenNothing({ received: [...received] });
  const error = await failure(assertSeenNothing({ id: 'bob', received, settled }));

  expect(error.code).toBe('SEEN_SOMETHING');
  expect(error.message).toBe('user bob has seen 1 frame:\n  {"t":"ev","s":"run:r1","e":"e","from":1,"at":1,"ev":[]}');
});

test('a child run that was never accepted is one line', async () => {
  const events = written(accepted, childBegins('r2', 'kid'), childEnds('r2', 'kid'), completed);

  expect(await timelineSnapshot(events, { reader: () => [] })).toContain('agent kid run#1 → completed null\ncompleted');
});

async function failure(assertion: Promise<void>) {
  const error: unknown = await assertion.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!isEnginehouseError(error)) throw new Error(`it did not fail as it should: ${String(error)}`);
  return error;
}
