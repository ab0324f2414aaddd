import { expect, test } from 'vitest';
import { z } from 'zod';

import { defineAgent } from '../../src/agent/define-agent.ts';
import { getExecutionEngineFactory } from '../../src/startup/pointer.ts';
import { enginehouse } from '../../src/testing/node.ts';
import { tool } from '../../src/tool/tool.ts';
import { checkRunLog } from '../support/invariants.ts';
import { unguarded } from '../../src/testing/audit/fence.ts';
import { testStore } from '../support/test-store.ts';

/** A PostgreSQL server of tests has 200 connections, and each of these has six of them at most. */
const TESTS = { sqlite: 200, postgres: 20 }[testStore];

const seenBy = new Map<object, Set<string>>();

const keep = tool({
  description: 'Keeps a secret, and tells whose it is.',
  inputSchema: z.object({ secret: z.string() }),
  execute: ({ secret }, { user }) => [secret, user.userId],
});

const keeper = defineAgent({
  name: 'keeper',
  inputSchema: z.object({ secret: z.string() }),
  tools: { keep },
  run: async ({ input, tools, say, artifacts }) => {
    const factory = getExecutionEngineFactory();
    seenBy.set(factory, (seenBy.get(factory) ?? new Set()).add(input.secret));
    await say(input.secret);
    await artifacts.create(input.secret, { title: 'secret.txt' });
    return tools.keep(input);
  },
});

const config = { agents: [keeper] };

/** One of the tests: a runtime, two users of the same ids as everywhere else, real sockets. */
async function oneTest(nth: number): Promise<void> {
  const after: (() => Promise<void>)[] = [];
  const { factory, runtime, alice, bob } = await enginehouse({ after: (hook) => void after.push(hook) }, { config });
  try {
    expect(getExecutionEngineFactory()).toBe(factory);
    for (const user of [alice, bob]) {
      const secret = `secret ${nth} of ${user.id}`;
      const client = await user.client();
      const run = client.start('keeper', { secret }, { runId: 'same' });
      const events = await Array.fromAsync(run);
      checkRunLog(events);
      expect(await run.result).toMatchObject({ status: 'completed', result: [secret, user.id] });
      expect(events.map(({ data }) => JSON.stringify(data)).join('')).toContain(secret);
      expect(getExecutionEngineFactory()).toBe(factory);
    }
    expect(seenBy.get(unguarded(factory))?.size).toBe(2);
    expect(runtime.resources.remaining('engine')).toEqual([]);
  } finally {
    await Promise.all(after.map((hook) => hook()));
  }
}

test(`${TESTS} tests at once in one process share nothing`, async () => {
  await Promise.all(Array.from({ length: TESTS }, (_, nth) => oneTest(nth)));

  expect(seenBy.size).toBe(TESTS);
});
