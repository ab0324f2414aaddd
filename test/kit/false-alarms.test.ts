/** The bench of 100,000 clean tests, with as many as CI has time for: not one may be blamed. */

import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { z } from 'zod';

const BENCH = join(import.meta.dirname, '../../bench/false-alarms.ts');
const said = z.object({ results: z.array(z.object({ name: z.string(), value: z.number() })) });

test('of 2,000 clean tests of every kind none is blamed', { timeout: 180_000 }, async () => {
  const args = ['--disable-warning=ExperimentalWarning', BENCH, '--json'];
  const env = { ...process.env, COUNT: '2000', ENGINEHOUSE_TEST_STORE: '' };

  const { stdout } = await promisify(execFile)(process.execPath, args, { env, timeout: 170_000 });

  const [alarms] = said.parse(JSON.parse(stdout)).results;
  expect(alarms).toMatchObject({ name: 'clean tests blamed, of 2000', value: 0 });
});
