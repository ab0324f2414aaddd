import { EnginehouseError } from '../base/errors.ts';
import { RESERVED_PREFIX, type AgentDefinition } from './define-agent.ts';

/** The agents of one runtime, by name. Filled once and frozen: nothing can be added while runs go on. */
export class AgentRegistry {
  readonly #agents: ReadonlyMap<string, AgentDefinition>;

  /** @throws `AGENT_INVALID` when two agents have one name. */
  constructor(agents: readonly AgentDefinition[]) {
    const byName = new Map<string, AgentDefinition>();
    for (const agent of agents) {
      if (byName.has(agent.name)) {
        const reason = 'two agents have this name';
        throw new EnginehouseError('AGENT_INVALID', `agent ${JSON.stringify(agent.name)}: ${reason}`, {
          agent: agent.name,
          reason,
        });
      }
      byName.set(agent.name, agent);
    }
    this.#agents = byName;
  }

  /** @throws `AGENT_UNKNOWN` naming those that exist. */
  get(name: string): AgentDefinition {
    const agent = this.#agents.get(name);
    if (agent !== undefined) return agent;
    const known = this.list().map((each) => each.name);
    throw new EnginehouseError(
      'AGENT_UNKNOWN',
      `agent ${JSON.stringify(name)} does not exist, known are ${known.join(', ') || 'none'}`,
      { agent: name, known },
    );
  }

  /** The application's agents, in the order they were given. Our own are not listed. */
  list(): readonly AgentDefinition[] {
    return [...this.#agents.values()].filter(({ name }) => !name.startsWith(RESERVED_PREFIX));
  }
}
