/**
 * Enginehouse as a side of R2, twice. The words of a step need no waiting: they
 * are durable before the step's end is. With `awaiting` each is durable before
 * the next is said, as DBOS does it.
 */

import { defineAgent } from '../src/agent/define-agent.ts';
import { UserExecutionContext } from '../src/context/user-execution-context.ts';
import type { EnginehouseRuntime } from '../src/startup/runtime.ts';
import { startup } from '../src/startup/startup.ts';
import { eventsOf, serve, STEPS, userOf, type KeptRun } from './r2-work.ts';

const awaiting = process.argv.includes('awaiting');

const adder = defineAgent({
  name: 'adder',
  run: async ({ step, think }) => {
    let total = 0;
    for (const number of STEPS) {
      total = await step('add', async () => {
        for (const text of eventsOf(number)) {
          const told = think(text);
          if (awaiting) await told;
        }
        return total + number;
      });
    }
    return { total };
  },
});

const open = (databaseUrl: string): Promise<EnginehouseRuntime> =>
  startup({ agents: [adder], server: { listen: false }, log: 'silent' }, { env: { DATABASE_URL: databaseUrl } });

const contextOf = (runId: string): UserExecutionContext =>
  UserExecutionContext.fromRequest({ userId: userOf(runId), threadId: 'r2', runId });

await serve({
  async work(databaseUrl) {
    const { factory } = await open(databaseUrl);
    return (runId) =>
      factory.userExecutionScope(contextOf(runId), async (engine) => {
        const ended = await engine.executeAgent('adder', null).result;
        if (ended.status !== 'completed') throw new Error(`${runId} ended ${ended.status}`);
        return totalOf(ended.result);
      });
  },
  async read(databaseUrl) {
    const { bridge } = await open(databaseUrl);
    return async (runId): Promise<KeptRun> => {
      const context = contextOf(runId);
      const kept: string[] = [];
      let total = Number.NaN;
      for await (const batch of bridge.follow(context, context.runId, 0)) {
        for (const { type, data } of batch) {
          if (type === 'agent_thinking' && data.text !== undefined) kept.push(data.text);
          if (type === 'agent_completed') total = totalOf(data.result);
        }
      }
      return { total, events: kept };
    };
  },
});

function totalOf(result: unknown): number {
  const { total } = result as { total: number };
  return total;
}
