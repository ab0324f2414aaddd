import { getExecutionEngineFactory } from '../../../../src/index.ts';
import { configureExecutionEngineFactoryForTest, expect, test } from '../../../../src/testing/vitest/index.ts';

test.for(['first', 'second'])(
  'code that knows no fixture finds the factory of the %s test',
  async (title, { alice }) => {
    await using factory = await configureExecutionEngineFactoryForTest();
    await using engine = await getExecutionEngineFactory().createForUser(alice.context());

    expect(getExecutionEngineFactory()).toBe(factory);
    expect(await engine.executeAgent('clerk', { title }).result).toMatchObject({ status: 'completed' });
  },
);
