/** A run over a PostgreSQL server that crashes and comes back. */

import { expect, test } from 'vitest';

import { defineAgent } from '../../src/agent/define-agent.ts';
import type { AgentEvent } from '../../src/context/event.ts';
import { UserExecutionContext } from '../../src/context/user-execution-context.ts';
import { startup } from '../../src/startup/startup.ts';
import { checkRunLog } from '../support/invariants.ts';
import { Moments } from '../support/moments.ts';
import { RestartablePostgres } from '../support/restartable-postgres.ts';

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
