/** planted-leaks: how many of the leaks in test/kit/projects/leaks a run of Vitest finds, and whether it blames clean tests. */

import { runVitest } from '../test/kit/run-vitest.ts';
import { report } from './report.ts';

const { exitCode, tests, output } = await runVitest('leaks');
const planted = [...tests].filter(([name]) => name.includes('leaks '));
const clean = [...tests].filter(([name]) => !name.includes('leaks '));
if (planted.length === 0 || clean.length === 0) throw new Error(`no tests were run\n${output}`);
if (exitCode === 0) throw new Error(`a run with leaks ended well\n${output}`);

report(
  'planted-leaks',
  [
    {
      name: `planted leaks found, of ${planted.length}`,
      value: planted.filter(([, { status }]) => status === 'failed').length,
      unit: 'leaks',
      target: planted.length,
      better: 'more',
    },
    {
      name: `clean tests beside them blamed, of ${clean.length}`,
      value: clean.filter(([, { status }]) => status !== 'passed').length,
      unit: 'tests',
      target: 0,
    },
  ],
  [planted.map(([name]) => name).join(', ')],
);
