/** A small application for tests of workers: everything that a crash can be in the middle of, and agents that do it wrong. */

import { z } from 'zod';

import { defineAgent } from '../../../src/agent/define-agent.ts';
import { isEnginehouseError } from '../../../src/base/errors.ts';
import type { DatabaseSessionManager, DatabaseTransaction } from '../../../src/event/database-session-manager.ts';
import { defineConfig } from '../../../src/startup/config.ts';
import { tool } from '../../../src/tool/tool.ts';

interface Row {
  readonly name: string;
}

interface Tables {
  readonly notes: Row;
}

const note = (database: DatabaseSessionManager, name: string): Promise<unknown> =>
  database.transaction((db: DatabaseTransaction<Tables>) => db.insertInto('notes').values({ name }).execute());

const count = (database: DatabaseSessionManager): Promise<number> =>
  database.transaction(
    async (db: DatabaseTransaction<Tables>) => (await db.selectFrom('notes').select('name').execute()).length,
    { readOnly: true },
  );

const double = tool({
  description: 'Doubles a number.',
  inputSchema: z.number(),
  idempotent: true,
  execute: (input) => input * 2,
});

const pay = tool({
  description: 'Has an effect that must not be had twice.',
  inputSchema: z.number(),
  execute: (input) => `paid ${input}`,
});

/** Adds up, by a step, a tool that may be run again, and a run of its own for each part. */
const adder = defineAgent({
  name: 'adder',
  inputSchema: z.number(),
  tools: { double },
  run: async ({ input, step, tools, agent, say, think }) => {
    await think('adding');
    const one = await step('one', () => input + 1);
    await say('Counting ');
    const two = await tools.double(one);
    const [left, right] = await Promise.all([agent<number>('part', two), agent<number>('part', 1)]);
    await say('done.');
    return left + right;
  },
});

const part = defineAgent({
  name: 'part',
  inputSchema: z.number(),
  run: async ({ input, step }) => step('times ten', () => input * 10),
});

const payer = defineAgent({
  name: 'payer',
  inputSchema: z.number(),
  tools: { pay },
  run: ({ input, tools }) =>
    tools.pay(input).catch((error: unknown) => {
      if (isEnginehouseError(error, 'TOOL_OUTCOME_UNKNOWN')) return 'nobody knows';
      throw error;
    }),
});

/** Has an effect outside a step: a run that is taken over has it once more. */
const careless = defineAgent({
  name: 'careless',
  run: async ({ step, database }) => {
    await step('before', () => 'before');
    await note(database, 'an effect');
    await step('after', () => 'after');
    return count(database);
  },
});

/** Says another thing each time. */
const fickle = defineAgent({ name: 'fickle', run: () => process.hrtime.bigint().toString() });

/** Waits until it is told to end. */
const waiter = defineAgent({
  name: 'waiter',
  run: ({ signal, step }) =>
    step(
      'wait',
      () => new Promise<never>((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
    ),
});

/** Ends its process, as a fault of a library might. */
const fatal = defineAgent({
  name: 'fatal',
  run: () => {
    console.error('the last words of a process');
    process.exit(3);
  },
});

/** Tells what its process was started with. */
const asked = defineAgent({ name: 'asked', run: () => process.env['WORKER_FIXTURE'] ?? null });

export default defineConfig({
  agents: [adder, part, payer, careless, fickle, waiter, fatal, asked],
  database: { migrations: { '001 notes': 'CREATE TABLE notes (name TEXT NOT NULL)' } },
});
