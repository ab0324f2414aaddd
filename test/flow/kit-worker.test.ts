/**
 * The fixture `worker` and `chaos.kill()`, in a project with a configuration of
 * its own: a process of its own loads the application from there.
 */

import { join } from 'node:path';

import { TestHome } from '../../src/testing/index.ts';
import { expect, test } from '../../src/testing/vitest/index.ts';
import { runVitest } from '../kit/run-vitest.ts';
import { lineOf } from '../support/audit-house.ts';

const PROJECT = join(import.meta.dirname, '../kit/projects/worker/worker.test.ts');

test('a worker is killed, replaced and audited', { timeout: 90_000 }, async () => {
  const run = await runVitest('worker');
  const errorsOf = (name: string): string => run.tests.get(name)?.errors ?? 'there is no such test';

  const ends = Object.fromEntries([...run.tests].map(([name, { status }]) => [name, status]));
  expect(ends, run.output).toEqual({
    'a worker is a process of its own, where users live whose test names it': 'passed',
    'killed once a tool call is durable, it leaves its run to the next one, and its client has exactly the log':
      'passed',
    'killed before the call is durable, the call is made once more, and has one effect': 'passed',
    'killed at once, it is replaced': 'passed',
    'beside a worker there may be a runtime of this process': 'passed',
    'a point that never comes': 'failed',
    'an agent that ends its process': 'failed',
    'an agent of a worker that remembers for all': 'failed',
  });
  const never = errorsOf('a point that never comes');
  expect(never).toMatch(/^Error: KILL_NOT_REACHED: .*\n +1 accept run_accepted of alice-/);
  expect(/^ +at .*$/m.exec(never)?.[0]).toContain(lineOf(PROJECT, 'it never comes'));
  expect(errorsOf('an agent that ends its process')).toMatch(/WORKER_FAILED: [^]*the last words of a process/);
  expect(errorsOf('an agent of a worker that remembers for all')).toMatch(
    /^Error: ISOLATION_BROKEN: the id of alice-\S+ .* was seen in a frame of bob-/,
  );
});

test('a worker of a project without a configuration says so', async () => {
  const home = new TestHome({}, 'without a configuration');

  await expect(home.worker()).rejects.toMatchObject({
    code: 'CONFIG_NOT_LOADED',
    message: expect.stringContaining(
      'a worker is a process of its own and loads the application from a file',
    ) as unknown,
  });
  await home.close();
});

test('what cannot reach a worker is refused, not ignored', async () => {
  await using home = new TestHome({ config: { agents: [] } });

  await expect(home.worker()).rejects.toMatchObject({ code: 'TEST_KIT_MISUSED', details: { part: 'worker' } });
});
