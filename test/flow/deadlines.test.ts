import { setImmediate } from 'node:timers/promises';

import { defineAgent } from '../../src/agent/define-agent.ts';
import type { AgentRun } from '../../src/engine/agent-run.ts';
import { TestClock } from '../../src/testing/test-clock.ts';
import { ExecutionEngineFactoryTestManager, expect, test } from '../../src/testing/vitest/index.ts';
import { tool } from '../../src/tool/tool.ts';
import { z } from 'zod';
import { checkRunLog } from '../support/invariants.ts';
import { Moments, untilAborted } from '../support/moments.ts';

/** Ends when it is told to, or when its signal aborts. */
function holding(moments: Moments, name: string, timeoutMs?: number) {
  return defineAgent({
    name,
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
    run: async ({ signal }) => {
      moments.tell(`${name} runs`);
      await Promise.race([moments.of(`${name} may end`), untilAborted(signal)]);
      return name;
    },
  });
}

interface House extends AsyncDisposable {
  readonly manager: ExecutionEngineFactoryTestManager;
  readonly clock: TestClock;
  readonly moments: Moments;
}

/** A runtime whose clock moves only when the test says so. */
async function house(agents: (moments: Moments) => readonly ReturnType<typeof defineAgent>[]): Promise<House> {
  const [clock, moments] = [new TestClock(), new Moments()];
  const config = { agents: agents(moments) };
  const manager = new ExecutionEngineFactoryTestManager({ config, limits: { runsPerUser: 1 }, seams: { clock } });
  await manager.initializeForTests();
  return { manager, clock, moments, [Symbol.asyncDispose]: () => manager.cleanup() };
}

async function start({ manager }: House, agent: string, user = manager.user('ada')): Promise<AgentRun> {
  const engine = await manager.runtime.factory.createForUser(user.context());
  const run = engine.executeAgent(agent, null);
  await run.accepted;
  return run;
}

/** Real work that is under way gets its time. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await setImmediate();
}

test('a run fails with RUN_TIMEOUT at the end of its active time, and not before', async () => {
  await using home = await house((moments) => [holding(moments, 'slow', 60_000)]);
  const run = await start(home, 'slow');
  await home.moments.of('slow runs');

  await home.clock.advance(59_999);
  await settled();
  expect(home.manager.runtime.factory.metrics().runsRunning).toBe(1);
  await home.clock.advance(1);

  expect(await run.result).toMatchObject({
    status: 'failed',
    error: { code: 'RUN_TIMEOUT', retry: 'now', details: { runId: run.runId, timeoutMs: 60_000 } },
  });
  const events = await Array.fromAsync(run);
  checkRunLog(events);
  expect(events.map(({ type }) => type)).toEqual(['run_accepted', 'agent_started', 'agent_failed']);
});

test('time in the queue is not active time', async () => {
  await using home = await house((moments) => [holding(moments, 'ahead'), holding(moments, 'slow', 60_000)]);
  const user = home.manager.user('ada');
  const ahead = await start(home, 'ahead', user);
  await home.moments.of('ahead runs');
  const run = await start(home, 'slow', user);

  await home.clock.advance(250_000);
  home.moments.tell('ahead may end');
  await ahead.result;
  await home.moments.of('slow runs');
  await home.clock.advance(59_000);
  home.moments.tell('slow may end');

  expect(await run.result).toMatchObject({ status: 'completed' });
});

test('an agent that settles late, but within its grace, is heard, and its run is timed out all the same', async () => {
  await using home = await house((moments) => [
    defineAgent({
      name: 'tidy',
      timeoutMs: 1_000,
      run: async ({ signal }) => {
        moments.tell('tidy runs');
        await untilAborted(signal).catch(() => undefined);
        moments.tell('tidy cleans up');
        return 'done after all';
      },
    }),
  ]);
  const run = await start(home, 'tidy');
  await home.moments.of('tidy runs');

  await home.clock.advance(1_000);
  await home.moments.of('tidy cleans up');

  expect(await run.result).toMatchObject({ status: 'failed', error: { code: 'RUN_TIMEOUT' } });
});

test.for([
  ['its own', true],
  ['the house’s', false],
] as const)('a tool that hangs ends at %s deadline, and its late result is dropped', async ([_whose, own]) => {
  const late = Promise.withResolvers<string>();
  await using home = await house((moments) => [
    defineAgent({
      name: 'caller',
      tools: {
        hang: tool({
          description: 'Hangs.',
          inputSchema: z.null(),
          ...(own ? { timeoutMs: 5_000 } : {}),
          execute: (_input, { signal }) => {
            signal.addEventListener('abort', () => moments.tell('tool aborted', signal.reason), { once: true });
            moments.tell('tool runs');
            return late.promise;
          },
        }),
      },
      run: async ({ tools }) => {
        const error = await tools.hang(null).catch((thrown: unknown) => thrown);
        return { code: (error as { code: string }).code };
      },
    }),
  ]);
  const run = await start(home, 'caller');
  await home.moments.of('tool runs');

  const timeoutMs = own ? 5_000 : home.manager.runtime.limits.toolTimeoutMs;
  await home.clock.advance(timeoutMs - 1);
  await settled();
  expect(home.manager.runtime.factory.metrics().runsRunning).toBe(1);
  await home.clock.advance(1);
  expect(await home.moments.of('tool aborted')).toMatchObject({ code: 'TOOL_TIMEOUT' });
  late.resolve('too late');

  expect(await run.result).toMatchObject({ status: 'completed', result: { code: 'TOOL_TIMEOUT' } });
  const events = await Array.fromAsync(run);
  checkRunLog(events);
  expect(events.find(({ type }) => type === 'tool_completed')?.data).toMatchObject({
    outcome: 'timeout',
    durationMs: timeoutMs,
    error: { code: 'TOOL_TIMEOUT', details: { tool: 'hang', timeoutMs } },
  });
});
