import type { AgentRegistry } from './agent-registry.ts';
import type { AgentDefinition, AgentInstance } from './define-agent.ts';

/** Makes a fresh agent instance for every run, so that no two users share one. */
export class AgentInstanceFactory {
  readonly #registry: AgentRegistry;

  constructor(registry: AgentRegistry) {
    this.#registry = registry;
  }

  get registry(): AgentRegistry {
    return this.#registry;
  }

  /** @throws `AGENT_UNKNOWN` */
  create(name: string): { readonly definition: AgentDefinition; readonly instance: AgentInstance } {
    const definition = this.#registry.get(name);
    return { definition, instance: definition.create() };
  }
}
