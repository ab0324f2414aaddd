import type { StandardSchemaV1 } from '@standard-schema/spec';

import { EnginehouseError } from '../base/errors.ts';
import type { ToolSet } from '../tool/tool.ts';
import type { AgentContext } from './agent-context.ts';

/** What runs: made afresh for every run, so that nothing is shared between two users. */
export interface AgentInstance {
  run(context: AgentContext): unknown;
}

export interface AgentOptions<Schema extends StandardSchemaV1, Tools extends ToolSet> {
  /** Letters, digits, `-` and `_`, at most 64. */
  readonly name: string;
  /** Change it when the order or the names of steps change; a run in flight is then not taken over by the new code. @default '1' */
  readonly version?: string;
  /** For a person or a model that chooses between agents. */
  readonly description?: string;
  /** Any Standard Schema. @default every JSON value */
  readonly inputSchema?: Schema;
  readonly tools?: Tools;
  /** Milliseconds of active time. @default limits.runTimeoutMs */
  readonly timeoutMs?: number;
  /** Versions whose runs in flight this code can go on with. @default only its own */
  readonly continues?: readonly string[];
  /** The body. What it returns must be JSON and is the run's result; `undefined` is an error, `null` is not. */
  run(context: AgentContext<StandardSchemaV1.InferOutput<Schema>, Tools>): unknown;
}

/** A registered agent: a name, a version and how to make an instance. Immutable. */
export interface AgentDefinition {
  readonly name: string;
  readonly version: string;
  readonly description: string;
  readonly inputSchema: StandardSchemaV1 | undefined;
  readonly tools: ToolSet;
  readonly timeoutMs: number | undefined;
  readonly continues: readonly string[];
  /** Makes a fresh instance. */
  create(): AgentInstance;
}

/** Names of our own agents start with this; an application's cannot. */
export const RESERVED_PREFIX = 'enginehouse.';

const NAME = /^[A-Za-z0-9_-]{1,64}$/;

/**
 * Declares an agent written in code.
 *
 * @throws `AGENT_INVALID` naming the option that is missing or malformed.
 * @example
 * const greeter = defineAgent({
 *   name: 'greeter',
 *   inputSchema: z.object({ name: z.string() }),
 *   run: ({ input }) => ({ text: `Hello, ${input.name}` }),
 * });
 */
export function defineAgent<
  Schema extends StandardSchemaV1 = StandardSchemaV1,
  const Tools extends ToolSet = Record<never, never>,
>(options: AgentOptions<Schema, Tools>): AgentDefinition {
  if (typeof options.name !== 'string' || !NAME.test(options.name)) {
    throw invalid(String(options.name), 'the name must be 1 to 64 letters, digits, "-" and "_"');
  }
  return declare(options);
}

/** The same for agents of the house itself, whose names are reserved. @internal */
export function defineOwnAgent<Tools extends ToolSet>(options: AgentOptions<StandardSchemaV1, Tools>): AgentDefinition {
  return declare({ ...options, name: RESERVED_PREFIX + options.name });
}

function declare<Schema extends StandardSchemaV1, Tools extends ToolSet>(
  options: AgentOptions<Schema, Tools>,
): AgentDefinition {
  const { name, run } = options;
  check(options);
  return Object.freeze({
    name,
    version: options.version ?? '1',
    description: options.description ?? '',
    inputSchema: options.inputSchema,
    tools: Object.freeze({ ...options.tools }),
    timeoutMs: options.timeoutMs,
    continues: Object.freeze([...(options.continues ?? [])]),
    create: () => ({ run: (context: AgentContext) => run(context as never) }),
  });
}

/** What a caller without types may get wrong, and would learn of only when a run fails. */
function check({
  name,
  version,
  inputSchema,
  tools = {},
  timeoutMs,
  continues,
  run,
}: AgentOptions<StandardSchemaV1, ToolSet>): void {
  const wrong = (reason: string): EnginehouseError => invalid(name, reason);
  if (typeof run !== 'function') throw wrong('run must be a function');
  if (version !== undefined && !isText(version)) throw wrong(`version must be a text, got ${JSON.stringify(version)}`);
  if (inputSchema !== undefined && inputSchema['~standard']?.version !== 1)
    throw wrong('inputSchema must be a Standard Schema');
  if (timeoutMs !== undefined && !(Number.isSafeInteger(timeoutMs) && timeoutMs > 0)) {
    throw wrong(`timeoutMs must be a whole number from 1 up, got ${JSON.stringify(timeoutMs)}`);
  }
  if (continues !== undefined && !(Array.isArray(continues) && continues.every(isText)))
    throw wrong('continues must be a list of versions');
  for (const [key, tool] of Object.entries(tools)) {
    if (!NAME.test(key)) throw wrong(`tools: ${JSON.stringify(key)} must be 1 to 64 letters, digits, "-" and "_"`);
    if (typeof tool?.execute !== 'function') throw wrong(`tools: ${key} is no tool; make it with tool({ … })`);
  }
}

function isText(value: unknown): boolean {
  return typeof value === 'string' && value !== '';
}

function invalid(agent: string, reason: string): EnginehouseError {
  return new EnginehouseError('AGENT_INVALID', `agent ${JSON.stringify(agent)}: ${reason}`, { agent, reason });
}
