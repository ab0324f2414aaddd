/** Agents of clean tests: what agents do, each a little of it. */

import { z } from 'zod';

import { defineAgent } from '../../src/agent/define-agent.ts';
import { tool } from '../../src/tool/tool.ts';

const look = tool({
  description: 'Says how many there are.',
  inputSchema: z.string(),
  idempotent: true,
  execute: (sku) => ({ sku, count: sku.length }),
});

/** Thinks, looks one thing up, and says what it was given. */
const clerk = defineAgent({
  name: 'clerk',
  tools: { look },
  run: async ({ input, tools, think, say }) => {
    await think('looking it up');
    const { count } = await tools.look('otter-1');
    await say(`there are ${count}`);
    return input ?? null;
  },
});

/** Calls four tools at once. */
const juggler = defineAgent({
  name: 'juggler',
  tools: { look },
  run: async ({ tools }) => (await Promise.all(['a', 'bb', 'ccc', 'dddd'].map(tools.look))).map(({ count }) => count),
});

/** Writes a row in one transaction, and one more in a transaction that it gives up. */
const writer = defineAgent({
  name: 'writer',
  run: async ({ input, database }) => {
    const text = String(input);
    await database.transaction((db) => db.insertInto('notes').values({ text }).execute());
    const given = database.transaction(async (db) => {
      await db.insertInto('notes').values({ text: 'given up' }).execute();
      throw new Error('given up');
    });
    await given.catch(() => undefined);
    return database.transaction((db) => db.selectFrom('notes').select('text').execute());
  },
});

/** Has the clerk do it. */
const boss = defineAgent({ name: 'boss', run: ({ input, agent }) => agent('clerk', input) });

const failing = defineAgent({
  name: 'failing',
  run: async ({ think }) => {
    await think('this will not do');
    throw new Error('out of otters');
  },
});

/** Never ends by itself; ends when it is told to. */
const patient = defineAgent({
  name: 'patient',
  run: ({ signal }) =>
    new Promise((_resolve, reject) => {
      signal.addEventListener('abort', () => reject(new Error('told to end')), { once: true });
    }),
});

export const config = {
  agents: [clerk, juggler, writer, boss, failing, patient],
  database: { migrations: { '001_notes': 'CREATE TABLE notes (text TEXT NOT NULL)' } },
};
