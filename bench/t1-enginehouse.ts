/** Enginehouse as a side of T1: what a fixture of the kit does around the body of a test, and whole tests. */

import { z } from 'zod';

import { defineAgent } from '../src/agent/define-agent.ts';
import { closeSharedRuntimes } from '../src/testing/kit-owned.ts';
import { TestHome } from '../src/testing/test-home.ts';
import type { TestRuntimeOptions } from '../src/testing/test-options.ts';
import type { TestUser } from '../src/testing/test-user.ts';
import { tool } from '../src/tool/tool.ts';
import { takeAuditMs } from './audit-time.ts';
import { serveCycles } from './t1-work.ts';

/** Seven events: it is accepted, starts, thinks twice, calls a tool, which is two, and ends. */
const stock = defineAgent({
  name: 'stock',
  tools: {
    look: tool({ description: 'Looks.', inputSchema: z.string(), idempotent: true, execute: (sku) => `${sku}: 7` }),
  },
  run: async ({ tools, think }) => {
    await think('which one');
    await think('the first');
    return tools.look('otter-1');
  },
});
const EVENTS = 7;

const sqlite: TestRuntimeOptions = { config: { agents: [stock] }, store: 'sqlite' };
const postgres: TestRuntimeOptions = { ...sqlite, store: { kind: 'postgres', isolation: 'clone' } };

async function oneTest(options: TestRuntimeOptions, body: (home: TestHome) => Promise<unknown>) {
  takeAuditMs();
  const home = new TestHome(options, 'a test of the bench');
  try {
    await body(home);
  } finally {
    await home.close();
  }
  return { audit: takeAuditMs() };
}

async function freshEngine(home: TestHome): Promise<void> {
  const { factory } = await home.shared();
  await using _engine = await factory.createForUser(home.user('alice').context());
}

async function twoUsers(home: TestHome): Promise<void> {
  await Promise.all([home.user('alice'), home.user('bob')].map(counts));
}

async function counts(user: TestUser): Promise<void> {
  let seen = 0;
  for await (const { seq } of (await user.client()).start('stock', null)) seen = Math.max(seen, seq);
  if (seen !== EVENTS) throw new Error(`${user.id} saw ${seen} events`);
}

serveCycles(
  {
    own: () => oneTest(sqlite, (home) => home.own()),
    'own, two users': () =>
      oneTest(sqlite, async (home) => {
        await home.own();
        await twoUsers(home);
      }),
    shared: () => oneTest(sqlite, freshEngine),
    'shared, two users': () =>
      oneTest(sqlite, async (home) => {
        await home.shared();
        await twoUsers(home);
      }),
    'own on postgres': () => oneTest(postgres, (home) => home.own()),
  },
  closeSharedRuntimes,
);
