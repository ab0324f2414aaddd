import { z } from 'zod';

import { defineAgent, defineConfig, tool, type DatabaseTransaction } from '../../../../src/index.ts';

interface Tables {
  readonly notes: { readonly id: string; readonly text: string };
}

const keep = tool({
  description: 'Keeps a note.',
  inputSchema: z.object({ text: z.string() }),
  // The call's id is the note's key, so that a repeated call has one effect.
  idempotent: true,
  execute: ({ text }, { database, callId }) =>
    database.transaction(async (db: DatabaseTransaction<Tables>) => {
      await db
        .insertInto('notes')
        .values({ id: callId, text })
        .onConflict((conflict) => conflict.doNothing())
        .execute();
      return (await db.selectFrom('notes').select('text').orderBy('text').execute()).map((note) => note.text);
    }),
});

/** Keeps one note after the other, and gives all that its user has. */
const keeper = defineAgent({
  name: 'keeper',
  inputSchema: z.array(z.string()),
  tools: { keep },
  run: async ({ input, tools }) => {
    let kept: readonly string[] = [];
    for (const text of input) kept = await tools.keep({ text });
    return kept;
  },
});

/** The fault: it outlives its run, and is everybody's. */
const memory: string[] = [];

const rememberer = defineAgent({
  name: 'rememberer',
  inputSchema: z.string(),
  run: ({ input }) => {
    memory.push(input);
    return memory;
  },
});

/** Ends its process, as a fault of a library might. */
const fatal = defineAgent({
  name: 'fatal',
  run: () => {
    console.error('the last words of a process');
    process.exit(3);
  },
});

export default defineConfig({
  agents: [keeper, rememberer, fatal],
  database: { migrations: { '001_notes': 'CREATE TABLE notes (id TEXT PRIMARY KEY, text TEXT NOT NULL)' } },
});
