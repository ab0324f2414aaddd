import { defineAgent, tool } from '../../../src/index.ts';
import { z } from 'zod';

/** Says what it was given, by a tool. */
export const echo = defineAgent({
  name: 'echo',
  tools: {
    repeat: tool({
      description: 'Repeats.',
      inputSchema: z.unknown(),
      idempotent: true,
      execute: (input) => input ?? null,
    }),
  },
  run: async ({ input, tools, think }) => {
    await think('repeating');
    return tools.repeat(input);
  },
});

/** Never ends by itself; ends when it is told to. */
export const patient = defineAgent({
  name: 'patient',
  run: ({ signal }) =>
    new Promise((_resolve, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason), { once: true });
    }),
});
