import { expect, test } from 'vitest';
import { z } from 'zod';

import { checkRunLog } from '../../test/support/invariants.ts';
import { untilAborted } from '../../test/support/moments.ts';
import { WritingHouse } from '../../test/support/writing-house.ts';
import type { Json } from '../base/canonical-json.ts';
import { systemClock, type Clock } from '../base/clock.ts';
import { EnginehouseError } from '../base/errors.ts';
import { ResourceRegistry } from '../base/resource-registry.ts';
import type { AgentEvent } from '../context/event.ts';
import { runId } from '../context/ids.ts';
import { resolveLimits } from '../context/resolve-limits.ts';
import { UserExecutionContext } from '../context/user-execution-context.ts';
import { DatabaseSessionManager } from '../event/database-session-manager.ts';
import type { UserWebSocketEmitter } from '../event/user-websocket-emitter.ts';
import { ValueKeeper } from '../event/value-keeper.ts';
import { createAgentDatabases } from '../store/database/create-agent-databases.ts';
import { TestClock } from '../testing/test-clock.ts';
import { Detached } from './detached.ts';
import { RunArtifacts } from './run-artifacts.ts';
import { StepRecord } from './step-record.ts';
import { ToolDispatcher, type ToolSession } from './tool-dispatcher.ts';
import { tool, type ToolContext, type ToolSet } from './tool.ts';

/** A run whose tools a test calls, on a real log. */
class Calls implements AsyncDisposable {
  readonly house: WritingHouse;
  readonly dispatcher: ToolDispatcher;
  readonly stop = new AbortController();
  readonly session: ToolSession;

  private constructor(
    house: WritingHouse,
    emitter: UserWebSocketEmitter,
    rest: { tools: ToolSet; clock: Clock; record: StepRecord; roles: readonly string[] },
  ) {
    const { tools, clock, record, roles } = rest;
    const limits = resolveLimits();
    const { threadId, userId } = house.context;
    const user = UserExecutionContext.fromRequest({ userId, threadId, runId: house.context.runId, roles });
    const { artifacts } = house.owned;
    const resources = new ResourceRegistry();
    const databases = createAgentDatabases({ folder: () => '', migrations: undefined, limits, clock, resources });
    this.house = house;
    this.dispatcher = new ToolDispatcher({ clock, limits, database: new DatabaseSessionManager(user, databases) });
    this.session = {
      user,
      tools,
      emitter,
      record,
      values: new ValueKeeper({ runId: user.runId, artifacts, clock, limits }),
      artifacts: new RunArtifacts(user, { store: artifacts, emitter, record, clock, limits, signal: this.stop.signal }),
      signal: this.stop.signal,
    };
  }

  static async open(tools: ToolSet, options: { clock?: Clock; roles?: readonly string[] } = {}): Promise<Calls> {
    const { clock = systemClock, roles = ['user'] } = options;
    const house = await WritingHouse.open();
    const emitter = await house.accepted({ clock });
    return new Calls(house, emitter, { tools, clock, record: new StepRecord(runId('r1')), roles });
  }

  /** The next attempt, after the process of this one was lost. */
  async next(tools: ToolSet): Promise<Calls> {
    const record = new StepRecord(runId('r1'));
    for (const event of await this.house.events()) record.fold(event);
    await this.session.emitter.close();
    const emitter = this.house.emitter();
    await emitter.take();
    return new Calls(this.house, emitter, { tools, clock: systemClock, record, roles: ['user'] });
  }

  call(name: string, input: unknown = {}): Promise<Json> {
    return this.dispatcher.execute(this.session, name, input);
  }

  /** The log without its first event, after an end that closes it. */
  async log(): Promise<readonly AgentEvent[]> {
    await this.session.emitter.emit('agent_completed', { result: null });
    const events = await this.house.events();
    checkRunLog(events);
    return events.slice(1, -1);
  }

  async types(): Promise<readonly string[]> {
    return (await this.log()).map(({ type, data }) => (type === 'tool_completed' ? `${type} ${data.outcome}` : type));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.session.emitter.close();
    await this.house[Symbol.asyncDispose]();
  }
}

const any = { description: 'A tool.', inputSchema: z.looseObject({}) };

test('D1: a tool runs after its input was checked and its start is durable, and what it gives is kept', async () => {
  const seen: unknown[] = [];
  await using calls = await Calls.open({
    count: tool({
      description: 'Counts.',
      inputSchema: z.object({ word: z.string(), times: z.int().default(2) }),
      execute: async (input, { user }) => {
        seen.push(
          input,
          (await calls.house.events()).map(({ type }) => type),
          user.userId,
        );
        return { letters: input.word.length * input.times, nothing: undefined };
      },
    }),
  });

  expect(await calls.call('count', { word: 'otter' })).toEqual({ letters: 10 });

  expect(seen).toEqual([{ word: 'otter', times: 2 }, ['run_accepted', 'agent_thinking', 'tool_executing'], 'ada']);
  const [, executing, completed] = await calls.log();
  expect(executing?.data).toEqual({ call: 'count#0', tool: 'count', input: { word: 'otter' }, step: 0 });
  expect(completed?.data).toMatchObject({ call: 'count#0', outcome: 'ok', result: { letters: 10 }, alone: true });
  expect(calls.dispatcher.metrics()).toEqual({ ok: 1, error: 0, denied: 0, timeout: 0, unknown: 0 });
  expect(calls.dispatcher.underWay).toEqual([]);
});

test('D1: an input that does not match does not reach the tool', async () => {
  let ran = false;
  const count = tool({ ...any, inputSchema: z.object({ word: z.string() }), execute: () => void (ran = true) });
  await using calls = await Calls.open({ count });

  await expect(calls.call('count', { word: 7 })).rejects.toMatchObject({
    code: 'INPUT_INVALID',
    details: { what: 'tool count', issues: [expect.stringContaining('word')] },
  });

  expect(ran).toBe(false);
  expect(await calls.types()).toEqual(['agent_thinking', 'tool_completed error']);
});

test('D1: a tool that needs a role is denied to who has it not, and runs for who has one of them', async () => {
  let ran = 0;
  const pay = tool({ ...any, roles: ['clerk', 'admin'], execute: () => (ran += 1) });
  await using denied = await Calls.open({ pay });
  await using allowed = await Calls.open({ pay }, { roles: ['user', 'admin'] });

  await expect(denied.call('pay')).rejects.toMatchObject({
    code: 'TOOL_DENIED',
    details: { tool: 'pay', role: 'clerk or admin' },
  });
  expect(await allowed.call('pay')).toBe(1);

  expect(await denied.types()).toEqual(['agent_thinking', 'tool_completed denied']);
});

test('a tool that the agent has not is named with those that it has', async () => {
  await using calls = await Calls.open({ pay: tool({ ...any, execute: () => 1 }) });

  for (const name of ['toString', 'steal']) {
    await expect(calls.call(name)).rejects.toMatchObject({
      code: 'TOOL_UNKNOWN',
      details: { tool: name, known: ['pay'] },
    });
  }

  expect(await calls.types()).toEqual([]);
});

test.each([
  [
    'throws',
    () => {
      throw new Error('broken');
    },
    'TOOL_FAILED',
  ],
  ['rejects later', () => Promise.reject(new Error('broken')), 'TOOL_FAILED'],
  [
    'throws an error of ours',
    () => {
      throw new EnginehouseError('DATABASE_BUSY', 'busy', { waiting: 1 });
    },
    'DATABASE_BUSY',
  ],
  ['throws what cannot be shown', () => Promise.reject(Object.create(null) as Error), 'TOOL_FAILED'],
  ['gives what is no JSON', () => 1n, 'EVENT_INVALID'],
  ['gives what never ends', () => nested(500), 'EVENT_INVALID'],
  ['gives more than is kept', () => 'x'.repeat(9_000_000), 'TOO_LARGE'],
  [
    'gives a huge error',
    () => {
      throw new EnginehouseError('INPUT_INVALID', 'x'.repeat(90_000), { what: 'x', issues: [] });
    },
    'INPUT_INVALID',
  ],
])('D2 and D4: a tool that %s has one end in the log, and the run goes on', async (_what, execute, code) => {
  await using calls = await Calls.open({
    bad: tool({ ...any, execute }),
    good: tool({ ...any, execute: () => 'fine' }),
  });

  await expect(calls.call('bad')).rejects.toMatchObject({ code });
  expect(await calls.call('good')).toBe('fine');

  expect(await calls.types()).toEqual([
    'agent_thinking',
    'tool_executing',
    'tool_completed error',
    'tool_executing',
    'tool_completed ok',
  ]);
});

test('D2: a tool that hangs ends at its deadline, and its signal says why', async () => {
  const clock = new TestClock();
  const aborted = Promise.withResolvers<unknown>();
  const running = Promise.withResolvers<void>();
  const hang = tool({
    ...any,
    timeoutMs: 50,
    execute: (_input, { signal }) => {
      signal.addEventListener('abort', () => aborted.resolve(signal.reason), { once: true });
      running.resolve();
      return new Promise(() => undefined);
    },
  });
  await using calls = await Calls.open({ hang }, { clock });

  const called = expect(calls.call('hang')).rejects.toMatchObject({
    code: 'TOOL_TIMEOUT',
    details: { tool: 'hang', timeoutMs: 50 },
  });
  await running.promise;
  expect(calls.dispatcher.underWay).toEqual(['r1 hang#0']);
  await clock.advance(50);
  await called;

  expect(await aborted.promise).toMatchObject({ code: 'TOOL_TIMEOUT' });
  expect(await calls.types()).toEqual(['agent_thinking', 'tool_executing', 'tool_completed timeout']);
  expect(clock.pending).toBe(0);
});

test('D2: a tool that ignores its signal ends with its run, and what it says after is not told', async () => {
  const given = Promise.withResolvers<ToolContext>();
  const deaf = tool({ ...any, execute: (_input, context) => (given.resolve(context), new Promise(() => undefined)) });
  await using calls = await Calls.open({ deaf });

  const called = expect(calls.call('deaf')).rejects.toThrow('cancelled');
  const { progress } = await given.promise;
  await progress('before');
  calls.stop.abort(new Error('cancelled'));
  await called;
  await progress('after');

  expect(await calls.types()).toEqual(['agent_thinking', 'tool_executing', 'tool_progress', 'tool_completed error']);
});

test('D3: what the record holds is not run again, neither a result nor a failure', async () => {
  let runs = 0;
  const tools = {
    pay: tool({ ...any, execute: () => (runs += 1) }),
    fail: tool({ ...any, execute: () => Promise.reject(new Error(`broken ${(runs += 1)}`)) }),
  };
  await using first = await Calls.open(tools);
  await first.call('pay');
  await first.call('fail').catch(() => undefined);

  const second = await first.next(tools);

  expect(await second.call('pay')).toBe(1);
  await expect(second.call('fail')).rejects.toMatchObject({ code: 'TOOL_FAILED', message: 'broken 2' });
  expect(await second.call('pay')).toBe(3);
  expect(await second.types()).toHaveLength(7);
});

test.each([
  ['lost', undefined],
  ['left', new Detached('the runtime closes')],
])('D3: a call whose process was %s is run again with the same call id, if it is idempotent', async (_what, reason) => {
  const ids: string[] = [];
  const began = Promise.withResolvers<void>();
  let attempt = 1;
  const pay = tool({
    ...any,
    idempotent: true,
    execute: (_input, { callId, signal }) => {
      ids.push(callId);
      began.resolve();
      return attempt === 1 ? untilAborted(signal) : 'paid';
    },
  });
  await using first = await Calls.open({ pay });
  const lost = first.call('pay').catch(() => 'never told');
  await began.promise;
  if (reason !== undefined) first.stop.abort(reason);
  attempt = 2;

  const second = await first.next({ pay });

  expect(await second.call('pay')).toBe('paid');
  expect(new Set(ids).size).toBe(1);
  expect(ids).toHaveLength(2);
  expect(await second.types()).toEqual([
    'agent_thinking',
    'tool_executing',
    'step_reset',
    'tool_executing',
    'tool_completed ok',
  ]);
  if (reason !== undefined) expect(await lost).toBe('never told');
});

test.each([
  ['lost', undefined],
  ['left', new Detached('the runtime closes')],
])(
  'D3: a call whose process was %s has an outcome that nobody knows, if it is not idempotent',
  async (_what, reason) => {
    const began = Promise.withResolvers<void>();
    let runs = 0;
    const pay = tool({ ...any, execute: (_input, { signal }) => ((runs += 1), began.resolve(), untilAborted(signal)) });
    await using first = await Calls.open({ pay });
    first.call('pay').catch(() => undefined);
    await began.promise;
    if (reason !== undefined) first.stop.abort(reason);

    const second = await first.next({ pay });

    await expect(second.call('pay')).rejects.toMatchObject({
      code: 'TOOL_OUTCOME_UNKNOWN',
      details: { tool: 'pay', call: 'pay#0' },
    });
    expect(runs).toBe(1);
    expect(await second.types()).toEqual(['agent_thinking', 'tool_executing', 'tool_completed unknown']);
  },
);

test('calls at once are told apart, and know that they were not alone', async () => {
  const both = Promise.withResolvers<void>();
  let running = 0;
  const wait = tool({
    ...any,
    execute: async (input) => {
      running += 1;
      if (running === 2) both.resolve();
      await both.promise;
      return input;
    },
  });
  await using calls = await Calls.open({ wait });

  expect(await Promise.all([calls.call('wait', { n: 1 }), calls.call('wait', { n: 2 })])).toEqual([{ n: 1 }, { n: 2 }]);

  const ends = (await calls.log()).flatMap(({ type, data }) => (type === 'tool_completed' ? [data] : []));
  expect(new Map(ends.map(({ call, alone, result }) => [call, { alone, result }]))).toEqual(
    new Map([
      ['wait#0', { alone: false, result: { n: 1 } }],
      ['wait#1', { alone: false, result: { n: 2 } }],
    ]),
  );
});

test('a large input is noted by its size, a large result is kept beside the log and given whole', async () => {
  const large = 'x'.repeat(40_000);
  const echo = tool({ ...any, execute: (input) => input });
  await using calls = await Calls.open({ echo });

  expect(await calls.call('echo', { large })).toEqual({ large });

  const [, executing, completed] = await calls.log();
  expect(executing?.data).toMatchObject({ input: { omitted: '40012 bytes' } });
  expect(completed?.data).toMatchObject({ outcome: 'ok', resultArtifact: expect.any(String) });
  expect(completed?.data).not.toHaveProperty('result');
});

test('the call id of a call is the same in every attempt, and no other user’s, run’s or call’s', async () => {
  const ids: string[] = [];
  const note = tool({ ...any, execute: (_input, { callId }) => void ids.push(callId) });
  await using first = await Calls.open({ note });
  await using second = await Calls.open({ note });
  await first.call('note');
  await first.call('note');
  await second.call('note');

  expect(ids[0]).toBe(ids[2]);
  expect(ids[0]).not.toBe(ids[1]);
  expect(ids[0]).toMatch(/^[0-9a-f]{32}$/);
});

function nested(levels: number): unknown {
  let value: unknown = 1;
  for (let level = 0; level < levels; level += 1) value = [value];
  return value;
}
