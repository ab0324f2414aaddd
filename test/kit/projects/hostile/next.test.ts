import { configuredRuntime } from '../../../../src/startup/pointer.ts';
import { configureExecutionEngineFactoryForTest, expect, test } from '../../../../src/testing/vitest/index.ts';
import { echo } from '../agents.ts';

test('the next file has the pointer to itself', async () => {
  expect(configuredRuntime()).toBe(undefined);
  await using factory = await configureExecutionEngineFactoryForTest({ config: { agents: [echo] } });
  expect(configuredRuntime()?.factory).toBe(factory);
});
