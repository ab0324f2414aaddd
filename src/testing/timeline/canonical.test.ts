import fc from 'fast-check';
import { expect, test } from 'vitest';

import { shuffledRun } from '../../../test/support/shuffled-run.ts';
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
  says,
  started,
  stepped,
  thinks,
  written,
} from '../../../test/support/written-log.ts';
import { canonicalTimeline } from './canonical.ts';
import { readRun } from './source.ts';
import { timelineText } from './timeline-text.ts';

test('a real run with tools side by side and a child run is the same text every time', async () => {
  await using house = await TimelineHouse.open();
  const texts: string[] = [];
  for (const name of ['alice', 'bob', 'bob']) {
    const context = house.user(name).context();
    const { run } = await house.run(context, 'clerk', { sku: 'otter' });
    const { events, ...rest } = await readRun(run, { reader: house.readerFor(context) });
    texts.push(canonicalTimeline(events, rest));
  }

  expect(texts[0]).toBe(`accepted clerk {"sku":"otter"}
started
thinking "look it up"
par
  tool price {"sku":"otter"} → {"cents":250,"for":user#1,"sku":"otter"}
  tool stock {"sku":"otter"} → {"left":5,"sku":"otter"}
    progress {"counted":"otter"}
saying "There are 5 left."
step note → {"sku":"otter"}
agent herald run#2 → completed [{"left":5,"sku":"otter"},run#2]
  accepted herald "otter"
  started
  thinking
  tool stock {"sku":"otter"} → {"left":5,"sku":"otter"}
    progress {"counted":"otter"}
  completed [{"left":5,"sku":"otter"},run#2]
said [{"length":17,"type":"text"}]
completed {"cents":250,"left":5,"said":[{"left":5,"sku":"otter"},run#2]}`);
  expect(new Set(texts).size).toBe(1);
});

test('C2: a hundred interleavings of what has no order are one text', () => {
  fc.assert(
    fc.property(
      shuffledRun(),
      fc.array(fc.infiniteStream(fc.nat()), { minLength: 100, maxLength: 100 }),
      (run, seeds) => {
        const texts = seeds.map((choices) => {
          const { events, children, runId } = run.play(choices);
          return canonicalTimeline(events, { children, runId });
        });

        expect(new Set(texts).size).toBe(1);
      },
    ),
    { numRuns: 15 },
  );
});

test('C2: what has an order keeps it', () => {
  const one = written(accepted, begins('a#0'), ends('a#0'), begins('b#0'), ends('b#0'), completed);
  const other = written(accepted, begins('b#0'), ends('b#0'), begins('a#0'), ends('a#0'), completed);

  expect(canonicalTimeline(one)).toBe('accepted boss {}\ntool a {} → null\ntool b {} → null\ncompleted "done"');
  expect(canonicalTimeline(other)).not.toBe(canonicalTimeline(one));
});

test('C2: a step that ran beside a call is beside it, whichever ended first', () => {
  const beside = { alone: false };
  const first = written(accepted, begins('a#0'), stepped('s', beside), ends('a#0', beside), completed);
  const last = written(accepted, begins('a#0'), ends('a#0', beside), stepped('s', beside), completed);

  expect(canonicalTimeline(first)).toBe('accepted boss {}\npar\n  step s → null\n  tool a {} → null\ncompleted "done"');
  expect(canonicalTimeline(last)).toBe(canonicalTimeline(first));
});

test('C1: how a text was cut, when, and how long things took is left out', () => {
  const whole = written(accepted, started, says('Hello you'), begins('a#0'), ends('a#0'), completed);
  const cut = written(
    accepted,
    started,
    says('He'),
    says('llo you'),
    begins('a#0'),
    ends('a#0', { durationMs: 9 }),
    completed,
  );

  expect(canonicalTimeline(cut.map((event) => ({ ...event, at: event.at * 2 })))).toBe(canonicalTimeline(whole));
});

test('C1: ids, marks, times and ports are named by what they are, in the order of first sight', () => {
  const mark = 'f00cdddfcaf1988b75d6cd9cd01aa0b1';
  const uuid = '5d7f47fa-b8b9-4148-9f29-c6cbd3d7508a';
  const result = { mark, again: `is ${mark}`, uuid, at: 1_763_800_000_000, iso: '2026-01-02T03:04:05.006Z', plain: 12 };
  const events = written(
    accepted,
    begins('a#0', { url: 'http://127.0.0.1:43123/ada', by: 'alice-1a2b3c4d' }),
    ends('a#0', { result }),
    asked,
    cancelled,
  );

  expect(canonicalTimeline(events)).toBe(
    `accepted boss {}
tool a {"by":user#1,"url":"http://127.0.0.1:<port>/ada"} →
    {
      "again": "is mark#1",
      "at": <time>,
      "iso": "<time>",
      "mark": mark#1,
      "plain": 12,
      "uuid": id#1
    }
cancel asked by user#2 "enough"
cancelled by user#2 "enough"`,
  );
});

test('C1: a word that happens to be an id is left alone inside a text', () => {
  const events = written(accepted, thinks('ask ada'), asked, cancelled);

  expect(canonicalTimeline(events)).toBe(
    'accepted boss {}\nthinking "ask ada"\ncancel asked by user#1 "enough"\ncancelled by user#1 "enough"',
  );
});

test('what happens while a call runs alone stands below it', () => {
  const events = written(accepted, begins('a#0'), says('on it'), progress('a#0', 1), ends('a#0'), completed);

  expect(canonicalTimeline(events)).toBe(
    'accepted boss {}\ntool a {} → null\n  progress 1\n  saying "on it"\ncompleted "done"',
  );
});

test('a run that was taken over reads as if nothing had happened when attempts are left out', () => {
  const smooth = written(accepted, started, begins('a#0'), ends('a#0'), completed);
  const taken = written(
    accepted,
    started,
    begins('a#0'),
    { type: 'agent_started', data: { agent: 'boss', attempt: 2 } },
    { type: 'step_reset', data: { step: 0, reason: 'its worker was lost' } },
    begins('a#0'),
    ends('a#0'),
    completed,
  );

  expect(canonicalTimeline(taken, { attempts: false })).toBe(canonicalTimeline(smooth));
  expect(canonicalTimeline(taken)).toContain('started, attempt 2\n  done again "its worker was lost"');
});

test('what has not ended says so', () => {
  expect(canonicalTimeline(written(accepted, begins('a#0'), childBegins('run-2', 'kid')))).toBe(
    'accepted boss {}\npar\n  agent kid run#1 → has not ended\n  tool a {} → has not ended',
  );
});

test('C3: a child run is one line where its log is not known', () => {
  const events = written(accepted, childBegins('run-2', 'kid'), childEnds('run-2', 'kid', { result: 7 }), completed);

  expect(canonicalTimeline(events)).toBe('accepted boss {}\nagent kid run#1 → completed 7\ncompleted "done"');
});

test('the text for a person has real ids, numbers and times, and one line per event', () => {
  const events = written(accepted, says('x'.repeat(500)), asked);

  expect(timelineText(events).split('\n')).toEqual([
    '1  +0 ms  run_accepted {"agent":"boss","input":{},"version":"1"}',
    expect.stringMatching(/^2 {2}\+1 ms {2}message_delta \{"delta":"x{100,}…$/),
    '3  +2 ms  cancel_requested {"by":"ada","reason":"enough"}',
  ]);
});
