import { z } from 'zod';

import { defineAgent } from '../agent/define-agent.ts';
import { tool } from '../tool/tool.ts';
import { loadLedger } from './load-ledger.ts';
import { grouped } from './money.ts';
import { profileLedger } from './profile-ledger.ts';

const LOAD_TIMEOUT_MS = 240_000;
const PROFILE_TIMEOUT_MS = 60_000;

const inputSchema = z.strictObject({ artifact: z.string().min(1) });

/** The second station: the ledger into the user's tables, and its profile out of them. */
export const dataAgent = defineAgent({
  name: 'analyst-data',
  description: "Loads a usage ledger into the user's database and profiles it with SQL.",
  inputSchema,
  tools: {
    load_ledger: tool({
      description: "Reads a ledger as a stream into the user's tables, each row once.",
      inputSchema,
      idempotent: true,
      timeoutMs: LOAD_TIMEOUT_MS,
      execute: ({ artifact }, context) => loadLedger(artifact, context),
    }),
    profile_ledger: tool({
      description: 'Gives totals, span and exact percentiles of a loaded ledger, and adds up its hours.',
      inputSchema: z.strictObject({ digest: z.string() }),
      idempotent: true,
      timeoutMs: PROFILE_TIMEOUT_MS,
      execute: ({ digest }, context) => profileLedger(digest, context),
    }),
  },
  async run({ input, tools, think }) {
    await think('Loading the rows into your own tables; a row that cannot be read is left out and named.');
    const ledger = await tools.load_ledger(input);
    const { count } = ledger.badRows;
    const left =
      count === 0 ? 'Every row could be read.' : `${grouped(count)} rows could not be read and are left out.`;
    await think(`${left} Adding up with SQL: totals, percentiles, hours.`);
    const profile = await tools.profile_ledger({ digest: ledger.digest });
    return { ledger, profile };
  },
});
