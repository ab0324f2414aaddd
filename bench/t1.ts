/** T1: a function-scope test runtime: boot, verify over a real socket, teardown, proof. Beside it, what a test with two users costs. */

import { defineAgent } from '../src/agent/define-agent.ts';
import { ExecutionEngineFactoryTestManager } from '../src/testing/execution-engine-factory-test-manager.ts';
import { quantile, report } from './report.ts';

const ROUNDS = 200;
const WARM_UP = 50;
const echo = defineAgent({ name: 'echo', run: ({ input }) => input ?? null });

async function empty(): Promise<void> {
  const manager = new ExecutionEngineFactoryTestManager({ config: { agents: [] } });
  await manager.initializeForTests();
  await manager.cleanup();
}

async function twoUsers(): Promise<void> {
  const manager = new ExecutionEngineFactoryTestManager({ config: { agents: [echo] } });
  await manager.initializeForTests();
  const [alice, bob] = [manager.user('alice'), manager.user('bob')];
  await Promise.all([alice, bob].map(async (user) => (await user.client()).start('echo', 1).result));
  await manager.cleanup();
}

async function time(work: () => Promise<void>): Promise<number[]> {
  const times: number[] = [];
  for (let round = 0; round < WARM_UP + ROUNDS; round += 1) {
    const startedAt = performance.now();
    await work();
    if (round >= WARM_UP) times.push(performance.now() - startedAt);
  }
  return times;
}

const bare = await time(empty);
const users = await time(twoUsers);
report('T1', [
  {
    name: 'boot + verify + teardown + proof, p50',
    value: quantile(bare, 0.5),
    unit: 'ms',
    target: 5,
    range: [Math.min(...bare), Math.max(...bare)],
  },
  { name: 'boot + verify + teardown + proof, p95', value: quantile(bare, 0.95), unit: 'ms', target: 12 },
  {
    name: 'the same with 2 users and a run each over sockets, p50',
    value: quantile(users, 0.5),
    unit: 'ms',
    target: 10,
  },
  {
    name: 'the same with 2 users and a run each over sockets, p95',
    value: quantile(users, 0.95),
    unit: 'ms',
    target: 25,
  },
]);
