import { configureExecutionEngineFactoryForTest, expect, test } from '../../../../src/testing/vitest/index.ts';
import { echo } from '../agents.ts';

const config = { agents: [echo] };

test('the next one by hand is told where the first was booted', async () => {
  await configureExecutionEngineFactoryForTest({ config });

  await expect(configureExecutionEngineFactoryForTest({ config })).rejects.toThrow(
    /it was booted at \S+by-hand\.test\.ts/,
  );
});
