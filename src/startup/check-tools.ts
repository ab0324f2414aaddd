import type { AgentDefinition } from '../agent/define-agent.ts';
import { EnginehouseError } from '../base/errors.ts';

const TOOL_NAME = /^[A-Za-z0-9_-]{1,64}$/;

/** The names of all tools. @throws `AGENT_INVALID` when one cannot be a name for a model or in an event */
export function checkTools(agents: readonly AgentDefinition[]): readonly string[] {
  const names = agents.flatMap((agent) => Object.keys(agent.tools).map((tool) => ({ agent: agent.name, tool })));
  for (const { agent, tool } of names) {
    if (TOOL_NAME.test(tool)) continue;
    const reason = `tool ${JSON.stringify(tool)} must be named with 1 to 64 letters, digits, "-" and "_"`;
    throw new EnginehouseError('AGENT_INVALID', `agent ${JSON.stringify(agent)}: ${reason}`, { agent, reason });
  }
  return [...new Set(names.map(({ tool }) => tool))];
}
