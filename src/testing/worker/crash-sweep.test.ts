import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

import { crashSweep } from './crash-sweep.ts';
import { Seed } from '../seed.ts';
import type { TestUser } from '../test-user.ts';
import type { CrashScene } from './sweep-options.ts';
import { Worker } from './worker.ts';

const config = fileURLToPath(new URL('../../../test/support/worker-fixture/enginehouse.config.ts', import.meta.url));

/** Two users at once: steps, a tool, words and child runs of one, a run of the other. */
async function twoUsers({ user }: CrashScene) {
  const [alice, bob] = [user('alice'), user('bob')];
  const of = async (each: TestUser, agent: string, input: number) =>
    await (await each.client()).start(agent, input).result;
  return Promise.all([of(alice, 'adder', 1), of(bob, 'part', 7)]);
}

function lives(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

const one =
  (agent: string, input: number | null) =>
  async ({ user }: CrashScene) =>
    (await (await user('alice').client()).start(agent, input).result).result;

test(
  'a sound scenario of two users ends alike with a crash at every durable point, and leaves nothing behind',
  { timeout: 240_000 },
  async () => {
    const pids: number[] = [];
    const folders: string[] = [];
    const watched = (scene: CrashScene) => {
      pids.push(scene.worker.pid);
      folders.push(scene.worker.store.path ?? '');
      return twoUsers(scene).finally(() => pids.push(scene.worker.pid));
    };

    const { points, tried, left, tookMs } = await crashSweep(watched, { config, store: 'sqlite' });

    expect(points.length).toBeGreaterThan(12);
    expect(new Set(points.map(({ user }) => user))).toEqual(new Set(['alice', 'bob']));
    expect(tried.map(({ n, when }) => [n, when])).toEqual(points.map(({ n }) => [n, 'durable']));
    // Two that write at once may share a commit, so that the last points do not always come.
    expect(tried.filter(({ point }) => point !== undefined).length).toBeGreaterThan(points.length - 4);
    expect(left).toBe(0);
    expect(new Set(folders).size).toBe(points.length + 2);
    expect(folders.filter((folder) => existsSync(folder))).toEqual([]);
    expect(pids.filter(lives)).toEqual([]);
    console.log(`crashSweep: ${points.length} points, ${Math.round(tookMs / points.length)} ms each`);
  },
);

test(
  'on postgres as many crashes are tried as there is time for, drawn by the seed',
  { timeout: 120_000 },
  async () => {
    const options = { config, store: 'postgres', moments: ['before', 'durable'], budgetMs: 1, seed: 'otter' } as const;

    const { points, tried, left, seed } = await crashSweep(twoUsers, options);

    // Each lane begins one, and what was begun is ended.
    expect(tried).toHaveLength(2);
    expect(tried.length + left).toBe(2 * points.length);
    expect(seed).toBe('ENGINEHOUSE_SEED=otter');
    const all = points.flatMap(({ n }) => options.moments.map((when) => [n, when]));
    const drawn = Seed.of('otter').fork('crash sweep').shuffle(all).slice(0, 2);
    expect(new Set(tried.map(({ n, when }) => `${n} ${when}`))).toEqual(new Set(drawn.map((each) => each.join(' '))));
  },
);

test('an effect outside a step is found, at the first point after it', { timeout: 120_000 }, async () => {
  await using worker = await Worker.start({ config, store: 'sqlite' });
  await one('careless', null)({ worker, user: (name) => worker.user(name) });
  const points = await worker.points();
  const after = points.findLast(({ types }) => types.includes('step_completed'));
  const place = `point ${after?.n} of ${points.length}, ${after?.description} of alice, once it was durable`;

  await expect(crashSweep(one('careless', null), { config, store: 'sqlite' })).rejects.toMatchObject({
    code: 'CRASH_SWEEP_FAILED',
    message: expect.stringContaining(place),
    details: {
      point: after?.n,
      moment: 'durable',
      what: expect.stringMatching(/the scenario gave another answer:\n +- 1\n +\+ 2$/),
      replay: `crashSweep(scenario, { points: [${after?.n}] })`,
    },
  });
  const replayed = crashSweep(one('careless', null), { config, store: 'sqlite', points: [after?.n ?? 0] });
  await expect(replayed).rejects.toMatchObject({ code: 'CRASH_SWEEP_FAILED', details: { point: after?.n } });
});

test(
  'a tool whose outcome is unknown after a crash fails a sweep that does not allow it',
  { timeout: 120_000 },
  async () => {
    const options = { config, store: 'sqlite', moments: ['before', 'durable'] } as const;

    await expect(crashSweep(one('payer', 5), { config, store: 'sqlite' })).rejects.toMatchObject({
      code: 'CRASH_SWEEP_FAILED',
      message: expect.stringContaining('"nobody knows"'),
    });

    const { points, tried } = await crashSweep(one('payer', 5), { ...options, allowUnknown: true });
    const executing = points.findIndex(({ types }) => types.includes('tool_executing')) + 1;
    const completed = points.findIndex(({ types }) => types.includes('tool_completed')) + 1;
    expect(tried.filter(({ unknown }) => unknown).map(({ n, when }) => [n, when])).toEqual([
      [executing, 'durable'],
      [completed, 'before'],
    ]);
  },
);

test(
  'a scenario that is another one each time is not swept, unless what differs is masked',
  { timeout: 120_000 },
  async () => {
    await expect(crashSweep(one('fickle', null), { config, store: 'sqlite' })).rejects.toMatchObject({
      code: 'CRASH_SWEEP_FAILED',
      message: expect.stringMatching(/^without any crash the scenario does not end twice in the same way/),
      details: { point: 0 },
    });

    const masked = await crashSweep(one('fickle', null), { config, store: 'sqlite', mask: [/\d{10,}/] });
    expect(masked.left).toBe(0);
  },
);

test('a scenario that fails by itself fails the sweep with its own error', async () => {
  const broken = async (): Promise<never> => Promise.reject(new RangeError('the scenario itself'));

  await expect(crashSweep(broken, { config, store: 'sqlite' })).rejects.toThrow(new RangeError('the scenario itself'));
});

test('a scenario that does not end is given up', async () => {
  const endless = crashSweep(() => new Promise<never>(() => undefined), { config, store: 'sqlite', timeoutMs: 200 });

  await expect(endless).rejects.toMatchObject({ code: 'DEADLINE', details: { what: 'the scenario' } });
});

test.each([
  [{ points: [0] }, 'a point is a whole number from 1 up, got 0'],
  [{ moments: [] }, 'moments must name at least one of durable and before'],
  [{ concurrency: 0 }, 'concurrency must be from 1 up, got 0'],
  [{ points: [1_000], timeoutMs: 10_000 }, 'the scenario has 3 durable points, got 1000'],
])('a sweep with %j is refused', async (options, message) => {
  await expect(crashSweep(one('part', 1), { config, store: 'sqlite', ...options })).rejects.toMatchObject({
    code: 'CONFIG_INVALID',
    message: expect.stringContaining(message),
  });
});
