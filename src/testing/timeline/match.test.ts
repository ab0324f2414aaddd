import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { isMatchByBruteForce, patternAndLog } from '../../../test/support/pattern-and-log.ts';
import {
  accepted,
  asked,
  begins,
  cancelled,
  childBegins,
  childEnds,
  completed,
  ends,
  failed,
  progress,
  says,
  started,
  stepped,
  thinks,
  written,
  type Written,
} from '../../../test/support/written-log.ts';
import { partingOf, type Children } from './match.ts';
import { patternOf, t, type Expectation } from './pattern.ts';

const isNumber: unknown = expect.any(Number);

describe('of two calls side by side and then a third', () => {
  const log = written(
    accepted,
    started,
    begins('a#0', { n: 1 }),
    begins('b#0', { n: 2 }),
    progress('a#0', 1),
    ends('b#0', { result: 'two' }),
    ends('a#0', { result: { one: 1, more: true } }),
    begins('c#0'),
    ends('c#0', { outcome: 'error', result: null }),
    completed,
  );
  const [a, b, c] = [t.tool('a'), t.tool('b'), t.tool('c')];

  test.each<readonly [what: string, expected: Expectation]>([
    ['they are in that order', t.seq(t.started, t.par(a, b), c, t.completed)],
    ['the two are named the other way round', t.seq(t.par(b, a), c)],
    ['Q3: no order is asked for', t.par(c, a, b)],
    ['Q3: a part of an order runs through another part', t.par(t.seq(a, c), b)],
    ['Q1: no call is named', t.seq(t.accepted, t.started, t.completed)],
    ['Q2: nothing stands between but what a call tells of itself', t.exactly(t.started, t.par(a, b), c, t.completed)],
    ['Q4: one is any', t.par(a, t.any, c)],
    ['Q4: anything comes before the last', t.seq(t.started, t.anything, c, t.completed)],
    ['Q4: anything is nothing', t.seq(t.par(a, b), t.anything, c)],
    ['what may be is not', t.seq(t.par(a, b, t.maybe(t.tool('d'))), t.maybe(a), c)],
    [
      'single events are named',
      t.seq(t.started, t.toolProgress({ call: 'a#0', progress: 1 }), t.completed({ result: /do/ })),
    ],
    [
      'they are named by the type of an event',
      t.seq(t.event('agent_started', { attempt: 1 }), t.event('agent_completed')),
    ],
  ])('the pattern matches when %s', (_what, expected) => {
    expect(partingOf(patternOf(expected), log, none)).toBeUndefined();
  });

  test('what a call was given and gave is held against what is expected of it', () => {
    const given = t.tool('a', { input: { n: isNumber }, output: { one: 1 }, outcome: 'ok' });
    const said = t.tool('b', { input: (value: unknown) => value !== 7, output: /tw/ });

    expect(partingOf(t.seq(t.par(given, said), t.tool('c', { outcome: 'error' })).node, log, none)).toBeUndefined();
  });

  test.each<readonly [what: string, expected: Expectation, place: number, hopes: readonly string[]]>([
    ['one overlaps what must come before it', t.seq(a, b, c), 3, ['tool("b")']],
    ['Q1: one is too few', t.seq(a, t.completed), 3, ['completed']],
    ['one is too many', t.seq(t.par(a, b), c, t.tool('d'), t.completed), 9, ['tool("d")']],
    [
      'one is given something else',
      t.par(t.tool('a', { input: { n: 2 } }), b, c),
      2,
      ['tool("a", { input: { n: 2 } })', 'tool("b")', 'tool("c")'],
    ],
    ['one ends otherwise', t.seq(t.par(a, b), t.tool('c', { outcome: 'ok' })), 7, ['tool("c", { outcome: "ok" })']],
    ['the run ends otherwise', t.seq(t.started, t.failed), 9, ['failed']],
    ['there are not as many', t.par(t.times(3, a), b, c), 10, ['tool("a")']],
    ['nothing more may be', t.par(t.maybe(a), b), 7, []],
    ['Q2: something stands between', t.exactly(t.accepted, t.par(a, b), c), 1, ['tool("a")', 'tool("b")']],
    ['Q2: something stands inside of a call', t.seq(t.exactly(a), t.par(b, c)), 3, ['tool("b")', 'tool("c")']],
    ['Q4: any is one thing only', t.seq(t.accepted, t.any, t.started), 10, ['started']],
  ])('it does not match when %s', (_what, expected, place, hopes) => {
    const parting = partingOf(patternOf(expected), log, none);

    expect([parting?.place, parting?.hopes.map(({ text }) => text)]).toEqual([place, hopes]);
  });

  test('what was nearly right says what was wrong', () => {
    const wrong = t.seq(t.par(t.tool('a', { input: { n: 7 } }), b), c);
    const early = t.seq(a, b);

    expect(partingOf(wrong.node, log, none)?.hopes[0]?.why).toBe('of tool a, input.n is 1, not 7');
    expect(partingOf(early.node, log, none)?.hopes[0]?.why).toBe('it begins before what must come first has ended');
  });
});

describe('of words and steps', () => {
  const log = written(
    accepted,
    thinks(),
    started,
    thinks('look it up'),
    says('Hello '),
    stepped('note', { result: { n: 1 } }),
    stepped('enginehouse.now'),
    says('you'),
    says('.'),
    completed,
  );

  test.each<readonly [what: string, expected: Expectation]>([
    ['a text is one, however it was cut', t.seq(t.started, t.say('Hello you.'), t.completed)],
    ['a text is said in parts around a step', t.seq(t.say('Hello '), t.step('note'), t.say('you.'))],
    ['parts of a text follow one another', t.seq(t.say('Hel'), t.say('lo y'), t.say('ou.'))],
    ['something is found in a text', t.seq(t.say(/Hello you/), t.completed)],
    ['something is found in its parts', t.seq(t.say(/^Hello $/), t.step('note'), t.say(/you/))],
    ['anything is said', t.seq(t.say, t.completed)],
    ['turns without a word are not named', t.seq(t.started, t.think('look it up'))],
    ['turns are named', t.seq(t.think, t.think(/look/))],
    ['a step gives something', t.step('note', { output: { n: 1 }, outcome: 'ok' })],
    ['a step of the context is named', t.seq(t.step('note'), t.step('enginehouse.now'))],
  ])('the pattern matches when %s', (_what, expected) => {
    expect(partingOf(patternOf(expected), log, none)).toBeUndefined();
  });

  test.each<readonly [what: string, expected: Expectation, place: number]>([
    ['a text says something else', t.say('Hello me.'), 4],
    ['a text is not whole', t.seq(t.say('Hello '), t.completed), 7],
    ['nothing is found in a text', t.say(/me/), 4],
    ['a turn is too many', t.seq(t.started, t.think), 1],
    ['a turn says something else', t.think('wait'), 3],
    ['a step is another one', t.step('other'), 5],
    ['a step gives something else', t.step('note', { output: { n: 2 } }), 5],
  ])('it does not match when %s', (_what, expected, place) => {
    expect(partingOf(patternOf(expected), log, none)?.place).toBe(place);
  });
});

test('a text goes on in the next message, when the one before has ended', () => {
  const log = written(accepted, says('Hel', 'm1'), says('lo', 'm1'), says(' you', 'm2'), completed);
  const mixed = written(accepted, says('a', 'm1'), says('b', 'm2'), says('c', 'm1'), says('d', 'm2'), completed);

  expect(partingOf(t.seq(t.say('Hello'), t.say(' you')).node, log, none)).toBeUndefined();
  expect(partingOf(t.seq(t.say(/^Hello$/), t.say(/^ you$/)).node, log, none)).toBeUndefined();
  expect(partingOf(t.par(t.say('bd'), t.say('ac')).node, mixed, none)).toBeUndefined();
  expect(partingOf(t.say('abcd').node, mixed, none)?.place).toBe(1);
});

describe('of child runs and ends', () => {
  const child = written(accepted, started, begins('a#0'), ends('a#0'), failed);
  const children: Children = new Map([['r2', child]]);
  const log = written(
    accepted,
    childBegins('r2', 'kid'),
    childEnds('r2', 'kid', { outcome: 'failed' }),
    asked,
    cancelled,
  );

  test('a child run is held against what is expected of its own log', () => {
    const right = t.seq(t.agent('kid', t.seq(t.tool('a'), t.failed('AGENT_THREW'))), t.cancelled('enough'));
    const wrong = t.agent('kid', t.seq(t.tool('b'), t.failed));

    expect(partingOf(right.node, log, children)).toBeUndefined();
    expect(partingOf(wrong.node, log, children)).toEqual({
      place: 1,
      hopes: [
        {
          text: 'agent("kid", seq(tool("b"), failed))',
          why: 'of its own log: event 3, tool_executing, where tool("b") was expected',
        },
      ],
    });
    expect(partingOf(t.agent('kid', t.failed).node, log, new Map([['r2', []]]))?.hopes[0]?.why).toBe(
      'it was never accepted, so it has no log',
    );
    expect(partingOf(t.agent('cat').node, log, none)?.hopes[0]?.why).toBe('the agent is "kid", not "cat"');
  });

  test('ends are told apart by what they say', () => {
    expect(partingOf(t.seq(t.cancelRequested, t.cancelled(/en/)).node, log, none)).toBeUndefined();
    expect(partingOf(t.cancelled('other').node, log, none)?.place).toBe(4);
    expect(partingOf(t.failed(/THREW/).node, child, none)).toBeUndefined();
    expect(partingOf(t.failed('TOOL_TIMEOUT').node, child, none)?.place).toBe(4);
  });

  test('a child run whose log is not known cannot be held against anything', () => {
    expect(() => partingOf(t.agent('kid', t.failed).node, log, none)).toThrow(
      expect.objectContaining({ code: 'TEST_KIT_MISUSED', message: 'the log of child run r2 is not known' }),
    );
  });

  test('what has not ended is not the call or child run that was expected', () => {
    const open = written(accepted, begins('a#0'), childBegins('r2', 'kid'));

    expect(partingOf(t.tool('a').node, open, none)?.hopes[0]?.why).toBe('tool a has not ended');
    expect(partingOf(t.agent('kid').node, open, none)?.hopes[0]?.why).toBe('agent kid has not ended');
  });
});

test('a call that was done again after a crash is one call', () => {
  const log = written(accepted, begins('a#0'), begins('a#0'), ends('a#0'), completed);

  expect(partingOf(t.seq(t.tool('a'), t.completed).node, log, none)).toBeUndefined();
  expect(partingOf(t.times(2, t.tool('a')).node, log, none)?.place).toBe(5);
});

test('a pattern matches exactly when there is a way to give every call to one of its leaves', () => {
  let matched = 0;
  fc.assert(
    fc.property(patternAndLog(), ({ small, pattern, calls, events }) => {
      const isMatch = isMatchByBruteForce(small, calls);
      matched += isMatch ? 1 : 0;

      expect(partingOf(t.par(pattern, t.maybe(t.tool('none'))).node, events, none) === undefined).toBe(isMatch);
    }),
    { numRuns: 2_000 },
  );
  // The property says little when nearly nothing matches, or nearly everything.
  expect(matched).toBeGreaterThan(200);
  expect(matched).toBeLessThan(1_800);
});

describe('many calls at once', () => {
  /** `count` calls of one tool that all overlap. */
  const overlapping = (count: number, tool = 'a'): readonly Written[] => [
    ...Array.from({ length: count }, (_none, n) => begins(`${tool}#${n}`, { n })),
    ...Array.from({ length: count }, (_none, n) => ends(`${tool}#${n}`)),
  ];
  const numbers = (count: number): readonly number[] => Array.from({ length: count }, (_none, n) => n);

  test('of equal ones are counted, not tried in every order', () => {
    const log = written(accepted, ...overlapping(300), completed);

    expect(partingOf(t.seq(t.times(300, t.tool('a')), t.completed).node, log, none)).toBeUndefined();
    expect(partingOf(t.seq(t.times(301, t.tool('a')), t.completed).node, log, none)?.place).toBe(601);
  });

  test('that fit many leaves each are given to leaves by matching', () => {
    const log = written(accepted, ...overlapping(40), completed);
    // The first takes any, the second all but the first, and so on: only one way is right.
    const leaves = numbers(40).map((least) => t.tool('a', { input: { n: (n: unknown) => Number(n) >= least } }));

    expect(partingOf(t.par(...leaves).node, log, none)).toBeUndefined();
    expect(partingOf(t.par(...leaves, t.tool('a', { input: { n: 40 } })).node, log, none)).toBeDefined();
  });

  test('of equal orders are counted too', () => {
    const log = written(accepted, ...overlapping(12, 'a'), ...overlapping(12, 'b'), completed);

    expect(partingOf(t.times(12, t.seq(t.tool('a'), t.tool('b'))).node, log, none)).toBeUndefined();
  });

  test('of orders that nobody can tell apart are refused, not tried without end', () => {
    const log = written(accepted, ...overlapping(20, 'a'), ...overlapping(20, 'b'), completed);
    const orders = numbers(20).map((n) => t.seq(t.tool('a'), t.tool('b', { input: { n } })));

    expect(() => partingOf(t.par(...orders).node, log, none)).toThrow(
      expect.objectContaining({
        code: 'TEST_KIT_MISUSED',
        message: expect.stringMatching(/^the pattern can be taken in more than 5000 ways at once: par\(/) as unknown,
      }),
    );
  });

  test('of orders that can be told apart are matched', () => {
    const log = written(accepted, ...overlapping(100, 'a'), ...overlapping(100, 'b'), completed);
    const orders = numbers(100).map((n) => t.seq(t.tool('a', { input: { n } }), t.tool('b', { input: { n } })));

    expect(partingOf(t.par(...orders).node, log, none)).toBeUndefined();
  });
});

test('what is no pattern is refused where it is written', () => {
  const misused = (message: string): unknown => expect.objectContaining({ code: 'TEST_KIT_MISUSED', message });

  expect(() => t.times(-1, t.started)).toThrow(misused('t.times(n, …) takes a whole number from 0 to 10000, got -1'));
  // What a test without types may say.
  expect(() => Reflect.apply(t.seq, t, ['a'])).toThrow(misused('a pattern is made by the functions of t, got "a"'));
  expect(() => patternOf(() => Reflect.get(t, 'none'))).toThrow(
    misused('a pattern is made by the functions of t, got undefined'),
  );
});

const none: Children = new Map();
