import type { ClientRun } from '../../../../src/client/index.ts';
import { expect, test } from '../../../../src/testing/vitest/index.ts';

/** How often a run was begun, by what its client was shown. */
async function attempts(run: ClientRun): Promise<number> {
  return (await Array.fromAsync(run)).filter(({ type }) => type === 'agent_started').length;
}

test('a worker is a process of its own, where users live whose test names it', async ({ worker, alice, users }) => {
  const [carol] = await users(1);

  expect(worker.pid).not.toBe(process.pid);
  expect([await alice.url(), await carol?.url()]).toEqual([worker.url, worker.url]);
  expect(await (await alice.client()).start('keeper', ['one', 'two']).result).toMatchObject({ result: ['one', 'two'] });
});

test('killed once a tool call is durable, it leaves its run to the next one, and its client has exactly the log', async ({
  worker,
  chaos,
  alice,
  bob,
}) => {
  const [hers, his] = await Promise.all([alice.connected(), bob.connected()]);
  const [url, pid] = [worker.url, worker.pid];
  expect(await his.start('keeper', ['his']).result).toMatchObject({ result: ['his'] });
  const kill = chaos.kill('worker', { at: 'tool_completed' });
  await kill.armed;

  const run = hers.start('keeper', ['one', 'two', 'three']);
  const death = await kill;

  expect(await run.result).toMatchObject({ status: 'completed', result: ['one', 'three', 'two'] });
  expect(death).toMatchObject({ pid, point: { operation: 'append', user: alice.id, runId: run.id } });
  expect(worker).toMatchObject({ url, recoveredRuns: 1 });
  expect(worker.pid).not.toBe(pid);
  expect(await attempts(run)).toBe(2);
  expect(await Array.fromAsync(run)).toEqual((await hers.events(run.id)).events);
  expect(run.proof.verified).toBe(true);
  // What was durable before is still there, and the one who was not concerned comes back too.
  expect((await his.runs()).runs).toHaveLength(1);
  expect(await his.start('keeper', ['more']).result).toMatchObject({ result: ['his', 'more'] });
});

test('killed before the call is durable, the call is made once more, and has one effect', async ({
  chaos,
  worker,
  alice,
}) => {
  const client = await alice.connected();
  const kill = chaos.kill('worker', { at: 'tool_completed', when: 'before' });
  await kill.armed;

  const run = client.start('keeper', ['one', 'two']);
  await kill;

  expect(await run.result).toMatchObject({ status: 'completed', result: ['one', 'two'] });
  expect(await attempts(run)).toBe(2);
  expect(worker.recoveredRuns).toBe(1);
});

test('killed at once, it is replaced', async ({ chaos, worker, alice }) => {
  const pid = worker.pid;
  await chaos.kill('worker');

  expect(worker.pid).not.toBe(pid);
  expect(await (await alice.client()).start('keeper', ['one']).result).toMatchObject({ result: ['one'] });
});

test('beside a worker there may be a runtime of this process', async ({ worker, activity, alice }) => {
  const result = (await alice.client()).start('keeper', ['one']).result;
  expect(await activity.track('the keeper', result)).toMatchObject({ result: ['one'] });
  expect(await alice.url()).toBe(worker.url);
});

test('a point that never comes', async ({ chaos, worker, alice }) => {
  const kill = chaos.kill('worker', { at: 'agent_failed' }); // it never comes
  await kill.armed;
  expect(worker.recoveredRuns).toBe(0);
  expect(await (await alice.client()).start('keeper', ['one']).result).toMatchObject({ result: ['one'] });
});

test('an agent that ends its process', async ({ worker, alice }) => {
  const run = (await alice.client()).start('fatal', null);
  run.result.catch(() => undefined);
  await expect.poll(() => alive(worker.pid)).toBe(false);
});

test('an agent of a worker that remembers for all', async ({ worker, alice, bob }) => {
  expect(worker.recoveredRuns).toBe(0);
  for (const user of [alice, bob]) {
    const client = await user.client();
    expect(await client.start('rememberer', user.marked('otters')).result).toMatchObject({ status: 'completed' });
  }
});

function alive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
