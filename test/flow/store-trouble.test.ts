import { expect, test } from 'vitest';
import { z } from 'zod';

import { AgentInstanceFactory } from '../../src/agent/agent-instance-factory.ts';
import { AgentRegistry } from '../../src/agent/agent-registry.ts';
import { defineAgent, type AgentDefinition } from '../../src/agent/define-agent.ts';
import { systemClock } from '../../src/base/clock.ts';
import { systemIds } from '../../src/base/ids.ts';
import { ResourceRegistry } from '../../src/base/resource-registry.ts';
import { Scope } from '../../src/base/scope.ts';
import { AgentWebSocketBridge } from '../../src/bridge/agent-websocket-bridge.ts';
import type { AgentEvent } from '../../src/context/event.ts';
import { resolveLimits } from '../../src/context/resolve-limits.ts';
import { UserExecutionContext } from '../../src/context/user-execution-context.ts';
import { ExecutionEngineFactory } from '../../src/factory/execution-engine-factory.ts';
import { openStores } from '../../src/startup/open-stores.ts';
import { resolveConfig } from '../../src/startup/resolve-config.ts';
import type { StoreFaults } from '../../src/testing/tap/store-faults.ts';
import { StoreTap } from '../../src/testing/tap/store-tap.ts';
import { tool } from '../../src/tool/tool.ts';
import { fastClock } from '../support/fast-clock.ts';
import { checkRunLog } from '../support/invariants.ts';
import { Moments, untilAborted } from '../support/moments.ts';
import { ownStore } from '../support/own-store.ts';

/** A fiftieth of it by the clock on the wall. */
const LIMITS = resolveLimits({ drainTimeoutMs: 20_000, cancelGraceMs: 5_000 });

type Opened = Awaited<ReturnType<typeof openStores>> & { readonly scope: Scope };

/** A factory on a store that a test lets fail; it tries again without waiting long. */
class House implements AsyncDisposable {
  readonly factory: ExecutionEngineFactory;
  readonly bridge: AgentWebSocketBridge;
  readonly resources = new ResourceRegistry();
  readonly logged: string[] = [];
  readonly faults: StoreFaults;
  readonly #bag = new AsyncDisposableStack();

  private constructor(agents: readonly AgentDefinition[], { store: inner, databases, scope }: Opened) {
    const { resources } = this;
    const [clock, ids, limits] = [fastClock, systemIds, LIMITS];
    this.#bag.use(scope);
    const tap = new StoreTap();
    this.faults = tap.createFaults();
    const store = this.#bag.use(tap.around(inner));
    this.bridge = this.#bag.use(new AgentWebSocketBridge({ store, clock, ids, limits, resources, holder: 'test' }));
    const instances = new AgentInstanceFactory(new AgentRegistry(agents));
    const log = (_level: string, message: string): void => void this.logged.push(message);
    this.factory = this.#bag.use(
      new ExecutionEngineFactory({
        bridge: this.bridge,
        store,
        agents: instances,
        databases,
        clock,
        ids,
        limits,
        resources,
        log,
      }),
    );
  }

  static async open(...agents: readonly AgentDefinition[]): Promise<House> {
    const settled = resolveConfig({ agents, store: await ownStore() }, {});
    const scope = new Scope('stores');
    const deps = { settled, limits: LIMITS, clock: systemClock, resources: new ResourceRegistry(), tenant: undefined };
    return new House(agents, { ...(await openStores(deps, scope)), scope });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#bag.disposeAsync();
    const left = this.resources.remaining().map(({ kind, name }) => `${kind} ${name}`);
    if (left.length > 0) throw new Error(`still open: ${left.join(', ')}`);
  }
}

const ada = (id = 'r1'): UserExecutionContext =>
  UserExecutionContext.fromRequest({ userId: 'ada', threadId: 't1', runId: id });

async function run(house: House, agent: string): Promise<readonly AgentEvent[]> {
  await using engine = await house.factory.createForUser(ada());
  const events = await Array.fromAsync(engine.executeAgent(agent, null));
  checkRunLog(events);
  return events;
}

const effects: string[] = [];
const worker = defineAgent({
  name: 'worker',
  tools: {
    note: tool({
      description: 'Notes.',
      inputSchema: z.string(),
      idempotent: true,
      execute: (name) => effects.push(name),
    }),
  },
  run: async ({ tools, step, say }) => {
    await step('first', () => effects.push('first'));
    await say('Hello');
    await tools.note('second');
    return 'done';
  },
});

const KINDS = [
  'agent_started',
  'step_completed',
  'message_delta',
  'agent_thinking',
  'tool_executing',
  'tool_completed',
  'agent_completed',
] as const;

test.for(KINDS.flatMap((type) => [{ type }, { type, after: 'durable' as const }]))(
  'a run whose append fails goes on by itself, to the same end, once: %o',
  async ({ type, ...when }) => {
    await using house = await House.open(worker);
    effects.length = 0;
    const fault = house.faults.fail('append', { types: [type], ...when });

    const events = await run(house, 'worker');

    expect(fault.strikes).toBe(1);

    expect(events.at(-1)).toMatchObject({ type: 'agent_completed', data: { result: 'done' } });
    expect(events.flatMap((event) => (event.type === 'message_delta' ? [event.data.delta] : []))).toEqual(['Hello']);
    expect(events.filter((event) => event.type === 'step_completed')).toHaveLength(1);
    // Only what found no room in the record is done again.
    expect(effects.length).toBeLessThanOrEqual(3);
    expect(house.logged.filter((line) => line.includes('broken off') || line.includes('without an end'))).toEqual([]);
  },
);

test('a run that lost its lease writes nothing more, and leaves the run to its new holder', async () => {
  const moments = new Moments();
  const holder = defineAgent({
    name: 'holder',
    run: async ({ signal, say, think }) => {
      await think('working');
      moments.tell('holds');
      await moments.of('lost');
      await say('too late').catch((error: unknown) => moments.tell('told', error));
      return untilAborted(signal);
    },
  });
  await using house = await House.open(holder);
  await house.factory.startRun(ada(), 'holder', null);
  await moments.of('holds');
  const successor = house.bridge.createUserEmitter(ada());
  await successor.take();

  moments.tell('lost');
  expect(await moments.of('told')).toMatchObject({ code: 'LEASE_LOST' });
  await successor.emit('cancel_requested', { by: 'ada', reason: 'enough' });
  await successor.emit('agent_cancelled', { by: 'ada', reason: 'enough' });
  await successor.close();

  const events = (await Array.fromAsync(house.bridge.follow(ada(), ada().runId, 0))).flat();
  checkRunLog(events);
  expect(events.map(({ type }) => type)).toEqual([
    'run_accepted',
    'agent_started',
    'agent_thinking',
    'cancel_requested',
    'agent_cancelled',
  ]);
});

test('a failure that is not the store’s own ends the run, which is not left open', async () => {
  await using house = await House.open(worker);
  house.faults.fail('append', { types: ['agent_completed'], error: new TypeError('a fault of the house') });

  await using engine = await house.factory.createForUser(ada());
  const started = engine.executeAgent('worker', null);
  await started.accepted;
  while (engine.activeRuns > 0) await engine.idle();

  expect(house.logged.some((line) => line.includes('broken off'))).toBe(true);
});

test('a run that is cancelled on a store that fails ends when the store works again', async () => {
  const moments = new Moments();
  const holder = defineAgent({ name: 'holder', run: ({ signal }) => (moments.tell('holds'), untilAborted(signal)) });
  await using house = await House.open(holder);
  await using engine = await house.factory.createForUser(ada());
  const started = engine.executeAgent('holder', null);
  await moments.of('holds');
  const fault = house.faults.fail('append', { types: ['agent_cancelled'], times: 5 });

  await started.cancel('enough');

  expect(await started.result).toMatchObject({ status: 'cancelled', reason: 'enough' });
  expect(fault.strikes).toBe(5);
  checkRunLog(await Array.fromAsync(started));
});

test('a factory that closes while a cancelled run waits for its store leaves the run, in time', async () => {
  const moments = new Moments();
  const holder = defineAgent({ name: 'holder', run: ({ signal }) => (moments.tell('holds'), untilAborted(signal)) });
  const house = await House.open(holder);
  await house.factory.startRun(ada(), 'holder', null);
  await moments.of('holds');
  house.faults.fail('append', { types: ['agent_cancelled'], times: Infinity });
  await house.factory.cancelRun(ada(), { commandId: 'c1', runId: ada().runId, reason: 'enough', by: 'ada' });

  await house.factory.close();

  expect(house.resources.remaining('run')).toEqual([]);
  await house[Symbol.asyncDispose]();
});
