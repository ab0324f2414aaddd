/**
 * hung-teardown: how long after its deadline a test whose part never closes is
 * over, and whether the rest goes on; in this process, and as a run of Vitest.
 */

import { isEnginehouseError } from '../src/base/errors.ts';
import { TestHome } from '../src/testing/test-home.ts';
import { TEARDOWN_STEP_MS } from '../src/testing/test-options.ts';
import { runVitest } from '../test/kit/run-vitest.ts';
import { quantile, report } from './report.ts';

const ROUNDS = 5;
const PART = 'the queue';
const hangs = (): Promise<void> => new Promise(() => undefined);
const options = { config: { agents: [] }, store: 'sqlite' } as const;

const late: number[] = [];
for (let round = 0; round < ROUNDS; round += 1) late.push(await hungTest());
const { exitCode, tests, output } = await runVitest('hanging');
if (exitCode === 0) throw new Error(`a run that hung ended well\n${output}`);
const others = [...tests].filter(([name]) => !name.includes('hangs'));

report(
  'hung-teardown',
  [
    {
      name: 'a hung teardown: over after its deadline by, p50',
      value: quantile(late, 0.5),
      unit: 'ms',
      target: 100,
      range: [Math.min(...late), Math.max(...late)],
    },
    {
      name: `tests that went on after it in a run, of ${others.length}`,
      value: others.filter(([, { status }]) => status === 'passed').length,
      unit: 'tests',
      target: others.length,
      better: 'more',
    },
  ],
  [`the deadline of a step is ${TEARDOWN_STEP_MS} ms; each hung test is followed by one that works`],
);

/** Milliseconds past the deadline. @throws when the hung step is not named, or the next test does not work */
async function hungTest(): Promise<number> {
  const home = new TestHome(options, 'a test that hangs');
  await home.own();
  home.scope.defer(PART, hangs);
  const startedAt = performance.now();
  const error: unknown = await home.close().then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  const ms = performance.now() - startedAt;
  if (!isEnginehouseError(error, 'DEADLINE') || !error.message.includes(PART))
    throw new Error('the part that hung is not named', { cause: error });
  const next = new TestHome(options, 'the next test');
  await next.own();
  await next.close();
  return ms - TEARDOWN_STEP_MS;
}
