import fc from 'fast-check';
import { expect, test } from 'vitest';

import { AuditHouse } from '../../../test/support/audit-house.ts';
import { defineAgent } from '../../agent/define-agent.ts';
import { canonicalEvent } from '../../context/canonical-event.ts';
import { isolationBroken, Marks, newMark } from './marks.ts';
import { marksIn } from './marks-in.ts';

test('a mark of another user is found, with both users, what it was in, and where', () => {
  using marks = new Marks('orders are private');
  const hers = marks.issue('alice', 'her prompt');
  marks.issue('bob', 'his prompt');
  const frame = JSON.stringify({ t: 'ev', e: [{ data: { text: `the user said ${hers} twice: ${hers}` } }] });

  const sightings = marks.searchIn(frame, { of: 'bob', where: 'frame' });

  expect(sightings).toEqual([
    {
      where: 'frame',
      mark: hers,
      owner: 'alice',
      what: 'her prompt',
      test: 'orders are private',
      seenBy: 'bob',
      excerpt: frame.slice(frame.indexOf(hers) - 40, frame.indexOf(hers) + 72),
      path: '$.e[0].data.text',
    },
  ]);
  expect(marks.searchIn(frame, { of: 'alice', where: 'frame' })).toEqual([]);
  const error = isolationBroken(sightings);
  expect(error.code).toBe('ISOLATION_BROKEN');
  expect(error.message).toMatch(
    /^her prompt of alice \(test "orders are private"\) was seen in a frame of bob at \$\.e\[0\]\.data\.text: /,
  );
});

test('what belongs to nobody may hold the marks of one user', () => {
  using marks = new Marks();
  const [hers, also, his] = [marks.issue('alice', 'id'), marks.issue('alice', 'run'), marks.issue('bob', 'id')];
  const nobodys = { of: undefined, where: 'log' } as const;

  expect(marks.searchIn(`${hers} started ${also}`, nobodys)).toEqual([]);
  expect(marks.searchIn(`${hers} started ${his}`, nobodys)).toMatchObject([
    { owner: 'bob', seenBy: 'alice', path: undefined },
  ]);
});

test('a leak from one test into another is seen by either, also when one of them is over', () => {
  const before = new Marks('the one before');
  using now = new Marks('the one after');
  const hers = before.issue('alice', 'her file');
  const his = now.issue('bob', 'his file');

  expect(before.searchIn(his, { of: 'alice', where: 'row' })).toMatchObject([{ owner: 'bob', test: 'the one after' }]);
  before[Symbol.dispose]();
  expect(now.searchIn(hers, { of: 'bob', where: 'row' })).toMatchObject([{ owner: 'alice', test: 'the one before' }]);
});

test('a test that shares on purpose says so, of one mark or of a user, and only for itself', () => {
  using marks = new Marks();
  using other = new Marks();
  const [prompt, file] = [marks.issue('alice', 'prompt'), marks.issue('alice', 'file')];
  const text = `${prompt} ${file}`;
  const bobs = { of: 'bob', where: 'response' } as const;

  marks.allow(prompt, 'she sends it to him');
  expect(marks.searchIn(text, bobs)).toMatchObject([{ mark: file }]);
  marks.allow('alice', 'they share everything');
  expect(marks.searchIn(text, bobs)).toEqual([]);
  expect(other.searchIn(text, bobs)).toHaveLength(2);
  expect([...marks.allowed.values()]).toEqual(['she sends it to him', 'they share everything']);
});

test('what is no mark, somebody else’s, or one too many is refused', () => {
  using marks = new Marks();
  using other = new Marks();
  const hers = marks.issue('alice', 'id');
  marks.register(hers, 'alice', 'id');

  expect(() => marks.register('otter', 'alice', 'id')).toThrowError(
    expect.objectContaining({ code: 'TEST_KIT_MISUSED' }),
  );
  expect(() => other.register(hers, 'bob', 'id')).toThrowError(expect.objectContaining({ code: 'TEST_KIT_MISUSED' }));
  expect(() => {
    for (let nth = 0; nth < 10_000; nth += 1) marks.issue('alice', 'row');
  }).toThrowError(expect.objectContaining({ code: 'LIMIT_REACHED' }));
});

test('the oldest marks of tests that are over are forgotten', () => {
  const first = new Marks();
  const oldest = first.issue('alice', 'id');
  first[Symbol.dispose]();
  for (let tests = 0; tests < 3; tests += 1) {
    using marks = new Marks();
    for (let nth = 0; nth < 8_000; nth += 1) marks.issue('bob', 'row');
  }
  using marks = new Marks();

  expect(marks.searchIn(oldest, { of: 'carol', where: 'row' })).toEqual([]);
});

test('a mark is found wherever it stands', () => {
  const digits = fc.string({ unit: fc.constantFrom('0', '1', '2', '7', '9', 'a', 'c', 'f', 'g', '"'), maxLength: 90 });
  fc.assert(
    fc.property(digits, digits, (before, after) => {
      const mark = newMark();
      const found = [...marksIn(`${before}${mark}${after}`)];
      expect(found).toContainEqual({ mark, at: before.length });
      expect(found.every((each) => /^[0-9a-f]{32}$/.test(each.mark))).toBe(true);
    }),
  );
});

test('an agent that remembers the user before is caught in the events of the next', async () => {
  let last = 'nobody';
  const forgetful = defineAgent({
    name: 'forgetful',
    run: ({ input }) => {
      const before = last;
      last = String(input);
      return { you: last, before };
    },
  });
  await using house = await AuditHouse.open({ agents: [forgetful] });
  using marks = new Marks('a shared variable');
  const [alice, bob] = [house.user('alice'), house.user('bob')];
  const prompts = new Map([alice, bob].map(({ id }) => [id, marks.issue(id, 'prompt')]));
  const seen = [];

  for (const user of [alice, bob]) {
    await using engine = await house.runtime.factory.createForUser(user.context());
    for await (const event of engine.executeAgent('forgetful', prompts.get(user.id)))
      seen.push(...marks.searchIn(canonicalEvent(event), { of: user.id, where: 'row' }));
  }

  expect(seen).toMatchObject([{ owner: alice.id, seenBy: bob.id, what: 'prompt' }]);
});
