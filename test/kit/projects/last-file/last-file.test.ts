import { createServer } from 'node:http';

import { expect, test } from '../../../../src/testing/vitest/index.ts';
import { echo } from '../agents.ts';

test.override('runtimeOptions', { config: { agents: [echo] } });

test('leaves a listener that is nobody’s on the shared runtime', ({ sharedRuntime }) => {
  sharedRuntime.attach(createServer());
  expect(sharedRuntime.closed).toBe(false);
});
