import { z } from 'zod';

import { defineAgent, tool } from '../../../../src/index.ts';
import type { LibraryTransaction } from './tables.ts';

const borrow = tool({
  description: 'Notes that a book was borrowed.',
  inputSchema: z.object({ title: z.string().min(1) }),
  execute: ({ title }, { database }) =>
    database.transaction(async (db: LibraryTransaction) => {
      await db.insertInto('books').values({ title }).execute();
      return { title };
    }),
});

const shelf = tool({
  description: 'Lists what was borrowed.',
  inputSchema: z.object({}),
  idempotent: true,
  execute: (_input, { database }) =>
    database.transaction(
      async (db: LibraryTransaction) =>
        (await db.selectFrom('books').selectAll().orderBy('title').execute()).map(({ title }) => title),
      { readOnly: true },
    ),
});

/** Borrows a book for its reader, and says what the reader has now. */
const clerk = defineAgent({
  name: 'clerk',
  inputSchema: z.object({ title: z.string() }),
  tools: { borrow, shelf },
  run: async ({ input, tools, say }) => {
    await tools.borrow(input);
    const titles = await tools.shelf({});
    await say(`You have ${titles.length}.`);
    return titles;
  },
});

/** Reads until it is told to stop. */
const reader = defineAgent({
  name: 'reader',
  run: ({ signal }) =>
    new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason), { once: true })),
});

export const library = [clerk, reader];
