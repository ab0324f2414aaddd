import { defineAgent, tool } from 'enginehouse';
import { z } from 'zod';

import type { BagTransaction } from './tables.ts';

const pack = tool({
  description: 'Puts a thing into the bag.',
  inputSchema: z.object({ thing: z.string().min(1) }),
  // The call's id is the row's key, so that a repeated call has one effect.
  idempotent: true,
  execute: ({ thing }, { database, callId }) =>
    database.transaction(async (db: BagTransaction) => {
      await db
        .insertInto('packed')
        .values({ id: callId, thing })
        .onConflict((conflict) => conflict.doNothing())
        .execute();
      return { thing };
    }),
});

/** Packs one thing after the other. */
export const packer = defineAgent({
  name: 'packer',
  inputSchema: z.object({ things: z.array(z.string().min(1)).min(1) }),
  tools: { pack },
  run: async ({ input, tools }) => {
    for (const thing of input.things) await tools.pack({ thing });
    return { packed: input.things.length };
  },
});
