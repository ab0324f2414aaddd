import { expect, test } from 'vitest';

import { differences } from './sweep-differences.ts';
import type { RunStory, Story } from './sweep-story.ts';

const run = (text: string, rest: Partial<RunStory> = {}): RunStory => ({
  user: 'alice',
  agent: 'clerk',
  text,
  unknown: false,
  ...rest,
});

const story = (runs: readonly RunStory[], rest: Partial<Story> = {}): Story => ({
  runs,
  answer: '1',
  broken: [],
  ...rest,
});

test('runs of one user have no order among them', () => {
  const [one, two] = [run('one'), run('two')];
  expect(differences(story([one, two]), story([two, one]), false)).toBeUndefined();
});

test('lines that differ are shown with those around them, and no others', () => {
  const lines = ['a', 'b', 'c', 'd', 'e', 'f', 'g'];
  const expected = story([run(lines.join('\n'))]);
  const got = story([run(lines.map((line) => (line === 'e' ? 'E' : line)).join('\n'))]);

  expect(differences(expected, got, false)).toBe(
    [
      "alice's run of clerk went otherwise:",
      '    …',
      '    b',
      '    c',
      '    d',
      '  - e',
      '  + E',
      '    f',
      '    g',
    ].join('\n'),
  );
});

test('what ran beside others may come in another order, or one after the other; what ran alone may not', () => {
  const beside = story([run('start\npar\n  step a id#1\n  step b id#2\nend')]);
  const after = story([run('start\nstep b id#1\nstep a id#2\nend')]);
  expect(differences(beside, after, false)).toBeUndefined();

  const alone = story([run('start\nstep a id#1\nstep b id#2\nend')]);
  expect(differences(alone, after, false)).toContain('went otherwise');
});

test('a run that is missing, and one more than there should be, are told', () => {
  const bobs = run('one', { user: 'bob' });
  expect(differences(story([run('one')]), story([bobs]), false)).toBe(
    "there is one more, bob's run of clerk\nalice's run of clerk is missing",
  );
});

test('what must hold of every log is told first', () => {
  expect(differences(story([]), story([], { broken: ['no end'], answer: '2' }), false)).toBe(
    'no end\nthe scenario gave another answer:\n  - 1\n  + 2',
  );
});

test('where unknown outcomes are allowed, a run that has one is not compared, nor is the answer', () => {
  const expected = story([run('paid'), run('sent', { agent: 'mail' })]);
  const unknown = run('nobody knows', { unknown: true });
  const got = story([unknown, run('sent', { agent: 'mail' })], { answer: '2' });

  expect(differences(expected, got, true)).toBeUndefined();
  expect(differences(expected, got, false)).toContain("alice's run of clerk went otherwise");
  const otherwise = story([unknown, run('lost', { agent: 'mail' })], { answer: '2' });
  expect(differences(expected, otherwise, true)).toContain("alice's run of mail went otherwise");
  expect(differences(expected, story([unknown]), true)).toContain("alice's run of mail is missing");
});
