import { expect, test } from 'vitest';

import { accepted, begins, completed, ends, written } from '../../../test/support/written-log.ts';
import { TimelineHouse } from '../../../test/support/timeline-house.ts';
import './matchers.ts';

const log = written(accepted, begins('a#0'), ends('a#0'), completed);

test('a real run has the timeline that it has, and no other', async () => {
  await using house = await TimelineHouse.open();
  const run = await house.start(house.user('alice').context(), 'clumsy');

  await expect(run).toHaveTimeline((t) => t.seq(t.started, t.tool('breaks'), t.failed('TOOL_FAILED')));
  await expect(run).not.toHaveTimeline((t) => t.completed);
});

test('a timeline that is another one fails with what parts them', async () => {
  await expect(expect(log).toHaveTimeline((t) => t.seq(t.tool('b'), t.completed))).rejects.toThrow(
    /^the timeline of the run is not what was expected\n\nexpected:\n {2}seq\(tool\("b"\), completed\)\n\nthe run:\n.*\n> tool a/,
  );
  await expect(expect(log).not.toHaveTimeline((t) => t.tool('a'))).rejects.toThrow(
    'the timeline is tool("a"), and was expected not to be',
  );
});

test('a user who is not asked has seen nothing', async () => {
  await using house = await TimelineHouse.open();
  const [alice, bob] = [house.user('alice'), house.user('bob')];
  await bob.client();
  const run = (await alice.client()).start('clumsy', {});
  await run.result;

  await expect(bob).toHaveSeenNothing();
  await expect(alice).not.toHaveSeenNothing();
  await expect(expect(alice).toHaveSeenNothing()).rejects.toThrow(
    /^user alice-\S+ has seen \d+ frames:\n {2}\{"t":"res",/,
  );
  await expect(expect(bob).not.toHaveSeenNothing()).rejects.toThrow('the user has seen nothing');
});

test('a snapshot cannot be asked not to match', async () => {
  await expect(expect(log).not.toMatchTimelineSnapshot()).rejects.toThrow(
    'toMatchTimelineSnapshot cannot be used with "not"',
  );
});
