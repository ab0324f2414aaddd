import type { StandardSchemaV1 } from '@standard-schema/spec';

import { EnginehouseError } from '../base/errors.ts';
import type { DatabaseSessionManager } from '../event/database-session-manager.ts';
import type { UserExecutionContext } from '../context/user-execution-context.ts';
import type { Json } from '../base/canonical-json.ts';
import type { ArtifactAccess } from './artifact-access.ts';

/** What a tool is given beside its input: its user's context and sessions, and nothing of anyone else. */
export interface ToolContext {
  readonly user: UserExecutionContext;
  /** Transactions on the application's tables as this user. */
  readonly database: DatabaseSessionManager;
  /** The user's files. */
  readonly artifacts: ArtifactAccess;
  /** Aborts at the tool's deadline, when the run is cancelled, and when it ends. Pass it on. */
  readonly signal: AbortSignal;
  /** The same for every attempt of this call: the idempotency key to give to others. */
  readonly callId: string;
  /** Tells the person who waits how far the tool is. */
  progress(progress: Json): Promise<void>;
}

export interface ToolOptions<Schema extends StandardSchemaV1, Output> {
  /** For the model or the person: what the tool does. */
  readonly description: string;
  /** Any Standard Schema: zod, valibot, arktype … */
  readonly inputSchema: Schema;
  /**
   * True when running it twice with the same `callId` has one effect. A tool that
   * was running when its process died is then run again; otherwise its outcome is
   * recorded as unknown.
   *
   * @default false
   */
  readonly idempotent?: boolean;
  /** Milliseconds one call may take. @default limits.toolTimeoutMs */
  readonly timeoutMs?: number;
  /** The user needs one of these roles. @default everybody */
  readonly roles?: readonly string[];
  /** Does the work. Its result must be JSON; `undefined` becomes `null`. */
  execute(input: StandardSchemaV1.InferOutput<Schema>, context: ToolContext): Output | Promise<Output>;
}

/** A tool with its input and output types. Its name is its key in an agent's `tools`. */
export interface Tool<Input = unknown, Output = unknown> {
  readonly description: string;
  readonly inputSchema: StandardSchemaV1;
  readonly idempotent: boolean;
  readonly timeoutMs: number | undefined;
  readonly roles: readonly string[] | undefined;
  execute(input: never, context: ToolContext): unknown;
  /** Types only. */
  readonly '~types'?: { readonly input: Input; readonly output: Output };
}

export type ToolSet = Readonly<Record<string, Tool<never, unknown> | Tool>>;

/**
 * Declares a tool.
 *
 * @throws `CONFIG_INVALID` when the schema is not a Standard Schema, or an option is out of range.
 * @example
 * const reserve = tool({
 *   description: 'Reserves items of one sku.',
 *   inputSchema: z.object({ sku: z.string(), count: z.int().min(1) }),
 *   execute: ({ sku, count }, { database }) => database.transaction((db) => …),
 * });
 */
export function tool<Schema extends StandardSchemaV1, Output>(
  options: ToolOptions<Schema, Output>,
): Tool<StandardSchemaV1.InferInput<Schema>, Awaited<Output>> {
  const { description, inputSchema, idempotent = false, timeoutMs, roles, execute } = options;
  if (typeof description !== 'string' || description === '') throw invalid('description', description);
  if (inputSchema?.['~standard']?.version !== 1) throw invalid('inputSchema', typeof inputSchema);
  if (typeof execute !== 'function') throw invalid('execute', typeof execute);
  if (typeof idempotent !== 'boolean') throw invalid('idempotent', idempotent);
  if (timeoutMs !== undefined && !(Number.isSafeInteger(timeoutMs) && timeoutMs > 0))
    throw invalid('timeoutMs', timeoutMs);
  if (roles !== undefined && !isRoles(roles)) throw invalid('roles', roles);
  return Object.freeze({
    description,
    inputSchema,
    idempotent,
    timeoutMs,
    roles: roles && Object.freeze([...roles]),
    execute: execute as Tool['execute'],
  });
}

/** A list of none would let nobody in. */
function isRoles(roles: unknown): boolean {
  return Array.isArray(roles) && roles.length > 0 && roles.every((role) => typeof role === 'string' && role !== '');
}

function invalid(option: string, received: unknown): EnginehouseError {
  return new EnginehouseError('CONFIG_INVALID', `a tool's ${option} is missing or malformed, got ${String(received)}`, {
    option: `tool.${option}`,
    received,
  });
}
