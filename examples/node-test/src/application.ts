import { defineAgent, defineConfig, tool, type DatabaseTransaction, type EnginehouseConfig } from 'enginehouse';
import { z } from 'zod';

/** Every user has a set of these. */
export interface PostTables {
  labels: { id: string; country: string; cents: number };
}

export type PostTransaction = DatabaseTransaction<PostTables>;

const migrations = {
  '001_labels': 'CREATE TABLE labels (id TEXT PRIMARY KEY, country TEXT NOT NULL, cents INTEGER NOT NULL)',
};

const label = tool({
  description: 'Makes the label of a parcel.',
  inputSchema: z.object({ country: z.string(), cents: z.int().min(1) }),
  // The call's id is the label's key, so that a repeated call has one effect.
  idempotent: true,
  execute: (parcel, { database, callId }) =>
    database.transaction(async (db: PostTransaction) => {
      await db
        .insertInto('labels')
        .values({ id: callId, ...parcel })
        .onConflict((conflict) => conflict.doNothing())
        .execute();
      return { label: callId };
    }),
});

/** The application, with the address of the service that knows the tariffs. */
export function application({ tariffs }: { readonly tariffs: string }): EnginehouseConfig {
  const tariff = tool({
    description: 'Asks what a parcel to a country costs.',
    inputSchema: z.object({ country: z.string().length(2), grams: z.int().min(1) }),
    idempotent: true,
    timeoutMs: 10_000,
    execute: async ({ country, grams }, { signal }) => {
      const response = await fetch(`${tariffs}/${country}?grams=${grams}`, { signal });
      return z.object({ cents: z.int() }).parse(await response.json());
    },
  });
  const clerk = defineAgent({
    name: 'clerk',
    inputSchema: z.object({ country: z.string().length(2), grams: z.int().min(1) }),
    tools: { tariff, label },
    run: async ({ input, tools, say }) => {
      const { cents } = await tools.tariff(input);
      await tools.label({ country: input.country, cents });
      await say(`That is ${(cents / 100).toFixed(2)} to ${input.country}.`);
      return { cents };
    },
  });
  return defineConfig({ agents: [clerk], database: { migrations } });
}
