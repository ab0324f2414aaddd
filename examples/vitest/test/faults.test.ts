import { crashSweep } from 'enginehouse/testing';
import { expect, test } from 'enginehouse/testing/vitest';

test('a connection that drops in the middle of a run costs its user nothing', async ({ alice, chaos }) => {
  const client = await alice.client();
  const cut = chaos.socket(alice).cut({ afterFrame: 4 });

  const run = client.start('collector', { notes: ['one', 'two', 'three'] });
  const seqs: number[] = [];
  for await (const event of run) seqs.push(event.seq);

  await cut;
  expect(await run.result).toMatchObject({ status: 'completed', result: { kept: 3 } });
  expect(seqs).toEqual(seqs.map((_, index) => index + 1));
});

test('a store that fails after it wrote makes the run go on, and nothing twice', async ({ runtime, alice, chaos }) => {
  chaos.store.fail('append', { types: ['tool_completed'], after: 'durable' });
  const client = await alice.client();

  const run = client.start('collector', { notes: ['one', 'two'] });

  // The second start is the run taken up again, by the same process.
  await expect(run).toHaveTimeline((t) => t.seq(t.started, t.tool('keep'), t.started, t.tool('keep'), t.completed));
  expect(runtime.recoveredRuns).toBe(0);
});

test('a process that is killed leaves its run to the next one', async ({ worker, alice, chaos }) => {
  const client = await alice.client();
  const kill = chaos.kill('worker', { at: 'tool_completed' });
  await kill.armed;

  const run = client.start('collector', { notes: ['one', 'two', 'three'] });

  await kill;
  expect(await run.result).toMatchObject({ status: 'completed', result: { kept: 3 } });
  expect(worker.recoveredRuns).toBe(1);
});

test('wherever the process dies, the run ends in the same way', { timeout: 60_000 }, async () => {
  const { points, tried } = await crashSweep(async ({ user }) => {
    const client = await user('alice').client();
    return client.start('collector', { notes: ['one'] }).result;
  });

  expect(tried).toHaveLength(points.length);
});
