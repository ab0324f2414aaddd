import { z } from 'zod';

import { defineAgent } from '../../src/agent/define-agent.ts';
import type { AgentEvent } from '../../src/context/event.ts';
import { runId } from '../../src/context/ids.ts';
import type { UserExecutionContext } from '../../src/context/user-execution-context.ts';
import type { AgentRun } from '../../src/engine/agent-run.ts';
import type { RunRecord } from '../../src/event/store.ts';
import { ExecutionEngineFactoryTestManager } from '../../src/testing/execution-engine-factory-test-manager.ts';
import { readerOf, type RunReader } from '../../src/testing/timeline/readers.ts';
import type { TestUser } from '../../src/testing/test-user.ts';
import { tool } from '../../src/tool/tool.ts';
import { untilAborted } from './moments.ts';

const stock = tool({
  description: 'Counts what is there, and says how far it is.',
  inputSchema: z.object({ sku: z.string() }),
  execute: async ({ sku }, { progress }) => {
    await progress({ counted: sku });
    return { sku, left: sku.length };
  },
});

const price = tool({
  description: 'Says what it costs.',
  inputSchema: z.object({ sku: z.string() }),
  execute: async ({ sku }, { user }) => ({ sku, cents: 250, for: user.userId }),
});

const breaks = tool({
  description: 'Fails.',
  inputSchema: z.object({}),
  execute: () => Promise.reject(new Error('the scales are broken')),
});

const waits = tool({
  description: 'Waits until it is told to stop.',
  inputSchema: z.object({}),
  execute: async (_input, { signal, progress }) => {
    await progress('waiting');
    return untilAborted(signal);
  },
});

/** Tools side by side, a child run, a step, and words. */
const clerk = defineAgent({
  name: 'clerk',
  inputSchema: z.object({ sku: z.string() }),
  tools: { stock, price },
  run: async ({ input, tools, think, say, step, agent }) => {
    await think('look it up');
    const [left, cost] = await Promise.all([tools.stock(input), tools.price(input)]);
    await say(`There are ${left.left}`);
    await say(' left.');
    await step('note', () => ({ sku: input.sku }));
    return { left: left.left, cents: cost.cents, said: await agent('herald', input.sku) };
  },
});

const herald = defineAgent({
  name: 'herald',
  tools: { stock },
  run: async ({ input, tools, user }) => [await tools.stock({ sku: String(input) }), user.runId],
});

const clumsy = defineAgent({ name: 'clumsy', tools: { breaks }, run: ({ tools }) => tools.breaks({}) });
const patient = defineAgent({ name: 'patient', tools: { waits }, run: ({ tools }) => tools.waits({}) });

/** A real runtime with agents that do what timelines are made of. */
export class TimelineHouse implements AsyncDisposable {
  readonly #manager = new ExecutionEngineFactoryTestManager({
    config: { agents: [clerk, herald, clumsy, patient] },
  });

  static async open(): Promise<TimelineHouse> {
    const house = new TimelineHouse();
    await house.#manager.initializeForTests();
    return house;
  }

  user(name: string): TestUser {
    return this.#manager.user(name);
  }

  readerFor(context: UserExecutionContext): RunReader {
    return readerOf(this.#manager.runtime.store.for(context).log);
  }

  /** Starts a run and lets go of it: it ends when the house does, or before. */
  async start(context: UserExecutionContext, agent: string, input: unknown = {}): Promise<AgentRun> {
    const engine = await this.#manager.runtime.factory.createForUser(context);
    const run = engine.executeAgent(agent, input);
    await run.accepted;
    return run;
  }

  /** Runs an agent to its end, and gives its log and its row. */
  async run(
    context: UserExecutionContext,
    agent: string,
    input: unknown = {},
  ): Promise<{ readonly run: AgentRun; readonly events: readonly AgentEvent[]; readonly record: RunRecord }> {
    await using engine = await this.#manager.runtime.factory.createForUser(context);
    const run = engine.executeAgent(agent, input);
    await run.result;
    return { run, events: await this.log(context, run.runId), record: await this.record(context, run.runId) };
  }

  async log(context: UserExecutionContext, id: string): Promise<readonly AgentEvent[]> {
    return this.#manager.runtime.store.for(context).log.read(runId(id), 0, 1_000);
  }

  async record(context: UserExecutionContext, id: string): Promise<RunRecord> {
    const record = await this.#manager.runtime.store.for(context).runs.get(runId(id));
    if (record === undefined) throw new Error(`run ${id} is not there`);
    return record;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#manager.cleanup();
  }
}
