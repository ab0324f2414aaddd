/**
 * A process that analyses a ledger and kills itself where it is told, as a power
 * cut would: no handler runs and nothing is flushed.
 *
 *   node analyst-process.ts STORE TOOL before|during|after
 *
 * STORE is the JSON of its options. `before` and `after` are the moments around the tool's effect, `after` before
 * its outcome is recorded; `during` is its first progress.
 */

import { analystAgents } from '../../src/analyst/index.ts';
import type { Tool, ToolContext } from '../../src/tool/tool.ts';
import { SAMPLES } from '../../examples/ledgers/generate.ts';
import { analyse, analystHouse, upload } from './analyst-house.ts';

const [store = '', deadly = '', moment = ''] = process.argv.slice(2);

function die(): void {
  process.kill(process.pid, 'SIGKILL');
}

function deadlyTool(tool: Tool): Tool {
  return {
    ...tool,
    execute: async (input, context: ToolContext) => {
      if (moment === 'before') die();
      const progress = moment === 'during' ? () => Promise.resolve(die()) : context.progress;
      const result = await tool.execute(input, { ...context, progress });
      if (moment === 'after') die();
      return result;
    },
  };
}

const agents = analystAgents.map((agent) => {
  const tools = Object.entries(agent.tools).map(([name, tool]) => [name, name === deadly ? deadlyTool(tool) : tool]);
  return { ...agent, tools: Object.fromEntries(tools) as typeof agent.tools };
});

await using runtime = await analystHouse(JSON.parse(store), agents);
await upload(runtime, 'ada', 'sample.csv', SAMPLES['sample.csv']);
await analyse(runtime, 'ada', { artifact: 'ada-sample.csv' }, 'the-run');
