import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

import type { AgentEvent } from '../../context/event.ts';
import type { TestUser } from '../test-user.ts';
import { Worker } from './worker.ts';

const fixture = (name: string): string =>
  fileURLToPath(new URL(`../../../test/support/worker-fixture/${name}`, import.meta.url));

const config = fixture('enginehouse.config.ts');
const PARENT = fixture('worker-parent.ts');

function lives(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

/** Starts a run, and gives all that its client is shown. */
async function shown(user: TestUser, agent: string, input: number) {
  const run = (await user.client()).start(agent, input);
  const events: AgentEvent[] = [];
  for await (const event of run) events.push(event);
  return { run, events, result: await run.result };
}

test.concurrent.each(['sqlite', 'postgres'] as const)(
  'on %s a worker that is killed at an event is replaced, and the client shows exactly the log of a run that ends',
  async (store) => {
    await using worker = await Worker.start({ config, store });
    const alice = worker.user('alice');
    await alice.client();
    const [url, pid] = [worker.url, worker.pid];

    const kill = worker.kill({ at: 'tool_completed' });
    await kill.armed;
    const { run, events, result } = await shown(alice, 'adder', 1);

    expect(await kill).toMatchObject({ pid, point: { operation: 'append', user: alice.id, runId: run.id } });
    expect((await kill).point?.types).toContain('tool_completed');
    expect(lives(pid)).toBe(false);
    expect(worker).toMatchObject({ url, recoveredRuns: 1 });
    expect(result).toMatchObject({ status: 'completed', result: 50 });
    expect(run.proof.verified).toBe(true);
    const kept = await (await alice.client()).events(run.id);
    expect(events).toEqual(kept.events);
    expect(events.flatMap(({ type, data }) => (type === 'agent_started' ? [data.attempt] : []))).toEqual([1, 2]);
  },
);

test.concurrent('a write before which its process is killed is not there', async () => {
  await using worker = await Worker.start({ config, store: 'sqlite' });
  const alice = worker.user('alice');

  const kill = worker.kill({ at: 'tool_completed', when: 'before', restart: false });
  await kill.armed;
  const run = (await alice.client()).start('payer', 3);
  const { point } = await kill;
  await worker.restart();
  await run.result;

  expect(point).toMatchObject({ operation: 'append', types: expect.arrayContaining(['tool_completed']) });
  expect(await run.result).toMatchObject({ status: 'completed', result: 'nobody knows' });
});

test.concurrent('a worker tells the writes of its users, and dies at the one that is asked for', async () => {
  await using worker = await Worker.start({ config, store: 'sqlite' });
  const [alice, bob] = [worker.user('alice'), worker.user('bob')];
  const { run } = await shown(alice, 'part', 4);
  const points = await worker.points();
  expect(points.map(({ n }) => n)).toEqual(points.map((_point, at) => at + 1));
  expect(new Set(points.map(({ user }) => user))).toEqual(new Set([alice.id]));
  expect(points[0]).toEqual({
    n: 1,
    operation: 'accept',
    types: ['run_accepted'],
    user: alice.id,
    runId: run.id,
    description: 'accept run_accepted',
  });

  const kill = worker.kill({ at: { point: 2 } });
  await kill.armed;
  const { result } = await shown(bob, 'part', 5);

  expect((await kill).point).toMatchObject({ n: 2, user: bob.id });
  expect(result).toMatchObject({ status: 'completed', result: 50 });
});

test.concurrent('a kill at a point that does not come fails, and says which points came', async () => {
  await using worker = await Worker.start({ config, store: 'sqlite' });
  const alice = worker.user('alice');
  const kill = worker.kill({ at: 'agent_failed', timeoutMs: 1_000 });
  await kill.armed;

  await shown(alice, 'part', 1);

  await expect(kill).rejects.toMatchObject({
    code: 'KILL_NOT_REACHED',
    message: expect.stringContaining(`1 accept run_accepted of ${alice.id}`),
    details: { at: 'after agent_failed is durable' },
  });
  expect(await worker.spare()).toBe(false);
  // It lives, and can be killed again.
  await worker.kill();
  expect(worker.recoveredRuns).toBe(0);
});

test.concurrent('a worker that is closed before it died where it was told says so', async () => {
  const worker = await Worker.start({ config, store: 'sqlite' });
  void worker.kill({ at: 'agent_failed' });
  expect(() => worker.kill()).toThrow(expect.objectContaining({ code: 'TEST_KIT_MISUSED' }));

  await expect(worker.close()).rejects.toMatchObject({
    code: 'KILL_NOT_REACHED',
    message: expect.stringContaining('which did not come before the worker was closed; no user wrote anything'),
  });
});

test.concurrent('a kill can be taken back', async () => {
  await using worker = await Worker.start({ config, store: 'sqlite' });
  const { pid } = worker;
  const kill = worker.kill({ at: 'run_accepted' });

  expect(await worker.spare()).toBe(true);
  await shown(worker.user('alice'), 'part', 1);

  await expect(kill).rejects.toMatchObject({ code: 'KILL_NOT_REACHED' });
  expect(worker.pid).toBe(pid);
});

test.concurrent('a worker that was killed and left is started again by hand', async () => {
  await using worker = await Worker.start({ config, store: 'sqlite' });
  const alice = worker.user('alice');
  await shown(alice, 'part', 1);

  await worker.kill({ restart: false });

  expect(() => worker.pid).toThrow(expect.objectContaining({ code: 'CLOSED' }));
  await worker.restart();
  await expect(worker.restart()).rejects.toMatchObject({ code: 'TEST_KIT_MISUSED' });
  expect((await (await alice.client()).runs()).runs).toHaveLength(1);
});

test.concurrent('a worker that is stopped answers once it goes on, and is closed all the same', async () => {
  await using worker = await Worker.start({ config, store: 'sqlite' });
  const alice = worker.user('alice');
  worker.pause();
  const answered = shown(alice, 'part', 1);
  worker.resume();
  expect((await answered).result.status).toBe('completed');
  worker.pause();
});

test.concurrent('a process that ends by itself fails the test with its last words', async () => {
  const worker = await Worker.start({ config, store: 'sqlite' });
  const alice = worker.user('alice');
  const { pid } = worker;
  const kill = worker.kill({ at: 'agent_completed' });
  await kill.armed;
  (await alice.client()).start('fatal', null);

  await expect(kill).rejects.toMatchObject({
    code: 'WORKER_FAILED',
    message: expect.stringMatching(/process \d+ ended with code 3.*\nthe last words of a process$/s),
    details: { output: 'the last words of a process' },
  });
  await expect(alice.token()).rejects.toMatchObject({ code: 'WORKER_FAILED' });
  await expect(worker.close()).rejects.toMatchObject({ code: 'WORKER_FAILED' });
  expect(lives(pid)).toBe(false);
});

test.concurrent('an application that cannot be loaded is named, with its own cure', async () => {
  await expect(Worker.start({ config: '/nowhere/enginehouse.config.ts', store: 'sqlite' })).rejects.toMatchObject({
    code: 'WORKER_FAILED',
    message: expect.stringContaining('/nowhere/enginehouse.config.ts was not loaded: there is no such file'),
    cure: expect.stringContaining('Export default defineConfig'),
    details: { step: 'load' },
  });
});

test.concurrent('a worker gives its environment to its process, and to each that follows', async () => {
  await using worker = await Worker.start({ config, store: 'sqlite', env: { WORKER_FIXTURE: 'otter' } });
  const alice = worker.user('alice');
  expect((await shown(alice, 'asked', 0)).result).toMatchObject({ result: 'otter' });

  await worker.kill();

  expect((await shown(alice, 'asked', 0)).result).toMatchObject({ result: 'otter' });
});

test.concurrent('a limit that is none is refused by name', async () => {
  await expect(Worker.start({ config, store: 'sqlite', limits: { runsPerUser: 0 } })).rejects.toMatchObject({
    code: 'WORKER_FAILED',
    message: expect.stringContaining('limits.runsPerUser'),
    details: { step: 'start' },
  });
});

test.concurrent('a worker leaves no process and no folder, dead or alive', async () => {
  const worker = await Worker.start({ config, store: 'sqlite' });
  const alice = worker.user('alice');
  const pids = [worker.pid];
  const run = (await alice.client()).start('waiter', null);
  await worker.kill();
  pids.push(worker.pid);
  const folder = worker.store.path ?? '';
  expect(existsSync(folder)).toBe(true);

  await worker.close();

  await expect(run.result).rejects.toMatchObject({ code: 'CLOSED' });
  expect(pids.filter(lives)).toEqual([]);
  expect(existsSync(folder)).toBe(false);
});

test.concurrent('a worker whose test process is killed ends, and takes its folder with it', async ({ expect }) => {
  const parent = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', PARENT, config], {
    stdio: ['ignore', 'pipe', 'ignore'],
    timeout: 20_000,
  });
  const [line] = (await once(parent.stdout.setEncoding('utf8'), 'data')) as [string];
  const { pid, folder } = JSON.parse(line) as { readonly pid: number; readonly folder: string };
  expect([lives(pid), existsSync(folder)]).toEqual([true, true]);

  parent.kill('SIGKILL');

  await expect.poll(() => [lives(pid), existsSync(folder)], { timeout: 10_000 }).toEqual([false, false]);
});
