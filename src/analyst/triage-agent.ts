import { z } from 'zod';

import { defineAgent } from '../agent/define-agent.ts';
import { tool } from '../tool/tool.ts';
import { inspectLedger, type Inspection } from './inspect-ledger.ts';
import { grouped } from './money.ts';

const inputSchema = z.strictObject({ artifact: z.string().min(1) });

/** The first station: is this a usage ledger, and where in it stands what? */
export const triageAgent = defineAgent({
  name: 'analyst-triage',
  description: 'Checks that a file is a usage ledger and says which of its columns mean what.',
  inputSchema,
  tools: {
    inspect_ledger: tool({
      description: 'Reads the start of a file and finds its format and columns.',
      inputSchema,
      idempotent: true,
      execute: ({ artifact }, context) => inspectLedger(artifact, context),
    }),
  },
  async run({ input, tools, think }) {
    await think('Checking that the file is a usage ledger, and which of its columns say what.');
    const inspection = await tools.inspect_ledger(input);
    await think(inWords(inspection));
    return inspection;
  },
});

function inWords({ file, bytes, format, columns }: Inspection): string {
  const { time, inputTokens, outputTokens, model } = columns;
  const named = model.length === 0 ? 'No column names a model.' : `The model is in ${model.join(', ')}.`;
  return (
    `${file} is ${format.toUpperCase()} of ${grouped(bytes)} bytes: time in ${time.join(', ')}, ` +
    `input tokens in ${inputTokens.join(', ')}, output tokens in ${outputTokens.join(', ')}. ${named}`
  );
}
