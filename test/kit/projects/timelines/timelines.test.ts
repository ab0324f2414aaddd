import { expect, test } from 'vitest';

import { accepted, begins, completed, ends, says, written } from '../../../support/written-log.ts';
import '../../../../src/testing/vitest/matchers.ts';

const does = process.env['DOES'] ?? '';
const end = does.startsWith('more') ? [says('and more'), completed] : [completed];
const log = written(accepted, begins('a#0', { by: crypto.randomUUID() }), ends('a#0'), ...end);

test('a run', async () => {
  await expect(log).toMatchTimelineSnapshot();
});

test.each(does.includes('less') ? [] : ['another run'])('%s', async () => {
  await expect(written(accepted, completed)).toMatchTimelineSnapshot('with a hint');
});
