/** Runs over a PostgreSQL server that crashes and comes back. */

import { expect, test } from 'vitest';

import { defineAgent } from '../../src/agent/define-agent.ts';
import type { AgentEvent } from '../../src/context/event.ts';
import { UserExecutionContext } from '../../src/context/user-execution-context.ts';
import { startup } from '../../src/startup/startup.ts';
import { TestRuntime } from '../../src/testing/test-runtime.ts';
import { checkRunLog } from '../support/invariants.ts';
import { Moments } from '../support/moments.ts';
import { RestartablePostgres } from '../support/restartable-postgres.ts';
import { until } from '../support/until.ts';

test('a run goes on by itself when its server comes back; no step and no event is twice in its log', async () => {
  await using server = await RestartablePostgres.start();
  const moments = new Moments();
  const effects: number[] = [];
  const counter = defineAgent({
    name: 'counter',
    run: async ({ step, say }) => {
      for (let number = 1; number <= 6; number += 1) {
        await step(`step ${number}`, () => effects.push(number));
        await say(`${number};`);
        moments.tell(`said ${number}`);
        if (number === 3) await moments.of('the server is gone');
      }
      return 'done';
    },
  });
  await using runtime = await startup(
    { agents: [counter], store: { url: server.url }, server: { listen: false }, log: 'silent' },
    { env: {} },
  );
  const ada = UserExecutionContext.fromRequest({ userId: 'ada', threadId: 't1', runId: 'r1' });
  await using engine = await runtime.factory.createForUser(ada);
  const shown: AgentEvent[] = [];
  const watching = (async () => {
    for await (const event of engine.executeAgent('counter', null)) shown.push(event);
  })();

  await moments.of('said 3');
  await server.crash();
  moments.tell('the server is gone');
  await server.restart();
  await watching;

  checkRunLog(shown);
  expect(shown.at(-1)).toMatchObject({ type: 'agent_completed', data: { result: 'done' } });
  expect(shown.flatMap((event) => (event.type === 'message_delta' ? [event.data.delta] : [])).join('')).toBe(
    '1;2;3;4;5;6;',
  );
  expect(shown.filter(({ type }) => type === 'step_completed')).toHaveLength(6);
  expect(effects.slice(0, 3)).toEqual([1, 2, 3]);
  expect(await runtime.store.for(ada).log.read(ada.runId, 0, 1_000)).toEqual(shown);
  expect(await runtime.store.unfinished()).toEqual([]);
});

const STEPS = 60;
/** How many events clients are shown before the server is restarted. */
const RESTARTS = [100, 300];

test('runs of many users over restarts of their server end by themselves, and clients show exactly the log', async () => {
  await using server = await RestartablePostgres.start();
  const effects = new Map<string, number>();
  const worker = defineAgent({
    name: 'worker',
    run: async ({ input, user, step, say }) => {
      for (let at = 1; at <= STEPS; at += 1) {
        const name = `step ${at}`;
        const key = `${user.userId} ${String(input)} ${name}`;
        await step(name, () => void effects.set(key, (effects.get(key) ?? 0) + 1));
        await say('.');
      }
      return input;
    },
  });
  await using home = await TestRuntime.boot({ config: { agents: [worker], store: { url: server.url } } });
  const clients = await Promise.all(['ada', 'bob', 'cyd'].map((name) => home.user(name).client()));
  let shown = 0;
  const watched = clients.flatMap((client) =>
    ['r1', 'r2', 'r3'].map(async (runId) => {
      const run = client.start('worker', runId, { runId });
      const seen: AgentEvent[] = [];
      for await (const event of run) shown = (seen.push(event), shown + 1);
      return { client, run, seen };
    }),
  );

  for (const events of RESTARTS) {
    await until(`${events} events were shown`, () => shown >= events);
    await server.crash();
    await server.restart();
  }

  for (const { client, run, seen } of await Promise.all(watched)) {
    checkRunLog(seen);
    expect(seen.at(-1)).toMatchObject({ type: 'agent_completed', data: { result: run.id } });
    expect((await client.events(run.id)).events).toEqual(seen);
    const { head, crc } = await client.getRun(run.id);
    expect(run.proof).toEqual({ n: head, crc, verified: true });
    expect(seen.filter(({ type }) => type === 'step_completed')).toHaveLength(STEPS);
    expect(seen.filter(({ type }) => type === 'message_delta')).toHaveLength(STEPS);
  }
  // What was under way when the server went is done again, and nothing else.
  const again = [...effects.values()].filter((times) => times > 1);
  expect(again.length).toBeLessThanOrEqual(RESTARTS.length * watched.length);
});
