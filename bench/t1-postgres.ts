/** T1 on PostgreSQL: the same tests as T1, with each way to keep their databases apart. */

import { defineAgent } from '../src/agent/define-agent.ts';
import { ExecutionEngineFactoryTestManager } from '../src/testing/execution-engine-factory-test-manager.ts';
import { endKit } from '../src/testing/kit-end.ts';
import type { Isolation } from '../src/testing/test-options.ts';
import { quantile, report, type Result } from './report.ts';
import { plan } from './test-application.ts';

const ROUNDS = 100;
const WARM_UP = 20;
const echo = defineAgent({ name: 'echo', run: ({ input }) => input ?? null });
const config = { agents: [echo], database: { migrations: plan.migrations ?? {} } };

async function oneTest(isolation: Isolation, body: (manager: ExecutionEngineFactoryTestManager) => Promise<void>) {
  const startedAt = performance.now();
  const manager = new ExecutionEngineFactoryTestManager({ config, store: { kind: 'postgres', isolation } });
  await manager.initializeForTests();
  await body(manager);
  await manager.cleanup();
  return performance.now() - startedAt;
}

async function twoUsers(manager: ExecutionEngineFactoryTestManager): Promise<void> {
  const users = [manager.user('alice'), manager.user('bob')];
  await Promise.all(users.map(async (user) => (await user.client()).start('echo', 1).result));
}

async function measure(isolation: Isolation): Promise<Result[]> {
  const bare: number[] = [];
  const withUsers: number[] = [];
  for (let round = 0; round < WARM_UP + ROUNDS; round += 1) {
    const [first, second] = [await oneTest(isolation, async () => undefined), await oneTest(isolation, twoUsers)];
    if (round < WARM_UP) continue;
    bare.push(first);
    withUsers.push(second);
  }
  return [
    { name: `${isolation}: boot + verify + teardown + proof, p50`, value: quantile(bare, 0.5), unit: 'ms' },
    { name: `${isolation}: boot + verify + teardown + proof, p95`, value: quantile(bare, 0.95), unit: 'ms' },
    { name: `${isolation}: with 2 users and a run each, p50`, value: quantile(withUsers, 0.5), unit: 'ms' },
    { name: `${isolation}: with 2 users and a run each, p95`, value: quantile(withUsers, 0.95), unit: 'ms' },
  ];
}

const results = [...(await measure('clone')), ...(await measure('recycle')), ...(await measure('tenant'))];
if ((await endKit()).length > 0) throw new Error('not everything could be dropped');
report('T1 on PostgreSQL', results, ['an application of 25 tables']);
