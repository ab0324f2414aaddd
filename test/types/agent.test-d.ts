import { z } from 'zod';
import { defineAgent } from '../../src/agent/define-agent.ts';
import { tool } from '../../src/tool/tool.ts';

const dice = tool({
  description: 'Rolls dice.',
  inputSchema: z.object({ sides: z.int() }),
  execute: ({ sides }) => ({ rolled: sides }),
});

/** Input, tools and what they give back have the types of their schemas. */
export const player = defineAgent({
  name: 'player',
  inputSchema: z.object({ sides: z.int() }),
  tools: { dice },
  run: async ({ input, tools }) => {
    const { rolled } = await tools.dice({ sides: input.sides });
    const total: number = rolled + 1;
    // @ts-expect-error the tool takes a number
    await tools.dice({ sides: 'six' });
    // @ts-expect-error there is no such tool
    await tools.cards({});
    // @ts-expect-error there is no such input
    void input.faces;
    return { total };
  },
});

// @ts-expect-error the name is missing
export const nameless = defineAgent({ run: () => null });
