import { defineAgent, tool } from 'enginehouse';
import { z } from 'zod';

import type { ShopTransaction } from './tables.ts';

const lookUp = tool({
  description: 'Says how many of an article are in stock.',
  inputSchema: z.object({ sku: z.string() }),
  idempotent: true,
  execute: ({ sku }, { database }) =>
    database.transaction(
      async (db: ShopTransaction) => {
        const row = await db.selectFrom('stock').select('count').where('sku', '=', sku).executeTakeFirst();
        return { sku, count: row?.count ?? 0 };
      },
      { readOnly: true },
    ),
});

const order = tool({
  description: 'Takes articles out of the stock and notes the order.',
  inputSchema: z.object({ sku: z.string(), count: z.int().min(1) }),
  // The call's id is the order's key, so that a repeated call has one effect.
  idempotent: true,
  execute: ({ sku, count }, { database, callId }) =>
    database.transaction(async (db: ShopTransaction) => {
      const placed = await db.selectFrom('orders').select('id').where('id', '=', callId).executeTakeFirst();
      if (placed === undefined) {
        await db
          .updateTable('stock')
          .set((eb) => ({ count: eb('count', '-', count) }))
          .where('sku', '=', sku)
          .execute();
        await db.insertInto('orders').values({ id: callId, sku, count }).execute();
      }
      return { order: callId };
    }),
});

/** Orders what is there, and says how many that was. */
export const inventory = defineAgent({
  name: 'inventory',
  inputSchema: z.object({ sku: z.string(), wanted: z.int().min(1).default(1) }),
  tools: { lookUp, order },
  run: async ({ input: { sku, wanted }, tools, think, say }) => {
    await think(`looking for ${wanted} of ${sku}`);
    const { count } = await tools.lookUp({ sku });
    const ordered = Math.min(wanted, count);
    if (ordered > 0) await tools.order({ sku, count: ordered });
    await say(`Ordered ${ordered} of ${wanted} ${sku}.`);
    return { sku, ordered, left: count - ordered };
  },
});
