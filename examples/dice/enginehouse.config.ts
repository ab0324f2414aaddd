import { defineAgent, defineConfig, tool } from 'enginehouse';
import { z } from 'zod';

const dice = tool({
  description: 'Rolls dice.',
  inputSchema: z.object({ sides: z.int().min(2) }),
  execute: ({ sides }) => 1 + Math.floor(Math.random() * sides),
});

const player = defineAgent({
  name: 'player',
  inputSchema: z.object({ sides: z.int().min(2).default(6) }),
  tools: { dice },
  run: async ({ input, tools, say }) => {
    const rolled = await tools.dice({ sides: input.sides });
    await say(`You rolled ${rolled}.`);
    return { rolled };
  },
});

export default defineConfig({ agents: [player] });
