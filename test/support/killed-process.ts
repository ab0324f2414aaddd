/**
 * A process that runs the agent `killed` and kills itself where it is told, as a
 * power cut would: no handler runs and nothing is flushed.
 *
 *   node killed-process.ts STORE EFFECTS step|idempotent|once before|after
 *
 * STORE is the JSON of its options. Each effect is a line in the file EFFECTS. `before` and `after` are the moments
 * around the effect, `after` before its outcome is recorded.
 */

import { appendFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import { z } from 'zod';

import { defineAgent, type AgentDefinition } from '../../src/agent/define-agent.ts';
import { isEnginehouseError } from '../../src/base/errors.ts';
import { UserExecutionContext } from '../../src/context/user-execution-context.ts';
import { tool } from '../../src/tool/tool.ts';
import { startOn } from './disk.ts';

export const killedContext = UserExecutionContext.fromRequest({ userId: 'ada', threadId: 't1', runId: 'the-run' });

/** The agent, which has each effect by a step and two tools, and dies at one of them when `deadly` says so. */
export function killedAgent(
  effects: string,
  deadly?: { readonly name: string; readonly moment: string },
): AgentDefinition {
  const effect = (name: string): string => {
    if (deadly?.name === name && deadly.moment === 'before') process.kill(process.pid, 'SIGKILL');
    appendFileSync(effects, `${name}\n`);
    if (deadly?.name === name && deadly.moment === 'after') process.kill(process.pid, 'SIGKILL');
    return name;
  };
  const options = { description: 'Has an effect.', inputSchema: z.null() };
  return defineAgent({
    name: 'killed',
    tools: {
      idempotent: tool({ ...options, idempotent: true, execute: () => effect('idempotent') }),
      once: tool({ ...options, execute: () => effect('once') }),
    },
    run: async ({ step, tools }) => [
      await step('step', () => effect('step')),
      await tools.idempotent(null),
      await tools.once(null).catch((error: unknown) => {
        if (isEnginehouseError(error, 'TOOL_OUTCOME_UNKNOWN')) return 'unknown';
        throw error;
      }),
    ],
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [store = '', effects = '', name = '', moment = ''] = process.argv.slice(2);
  await using runtime = await startOn(JSON.parse(store), [killedAgent(effects, { name, moment })]);
  await runtime.factory.startRun(killedContext, 'killed', null);
  for await (const _ of runtime.bridge.follow(killedContext, killedContext.runId, 0)) continue;
}
