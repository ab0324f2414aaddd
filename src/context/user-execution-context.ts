/**
 * Who asks, for which thread and run.
 *
 *   C1. Immutable all the way down: every field is frozen, the metadata deeply
 *       and as a copy, so nobody can reach another user through a shared object.
 *   C2. The principal comes from the door that authenticated it, never from
 *       client input. Everything that reads or writes takes it from here.
 *   C3. A child keeps user, thread and run, and knows its parent; at most 10 deep.
 */

import { canonicalJson, type Json } from '../base/canonical-json.ts';
import { EnginehouseError } from '../base/errors.ts';
import {
  DEFAULT_TENANT,
  ID_MAX_LENGTH,
  isId,
  runId,
  tenantId,
  threadId,
  userId,
  type Owner,
  type RunId,
  type TenantId,
  type ThreadId,
  type UserId,
} from './ids.ts';
import { LIMITS } from './limits.ts';

/** What an application says of a request. Ids: 1 to 128 characters without control characters. */
export interface ContextRequest {
  readonly userId: string;
  readonly threadId: string;
  readonly runId: string;
  /** @default 'default' */
  readonly tenantId?: string | undefined;
  /** What the user may do; tools can ask for one of them. @default ['user'] */
  readonly roles?: readonly string[] | undefined;
  /** Plain JSON that goes with the run, at most 16 KB. Never secrets: it is not logged, but it is readable by tools. */
  readonly metadata?: Readonly<Record<string, Json>> | undefined;
}

export class UserExecutionContext implements Owner {
  readonly tenantId: TenantId;
  readonly userId: UserId;
  readonly threadId: ThreadId;
  readonly runId: RunId;
  readonly roles: readonly string[];
  readonly metadata: Readonly<Record<string, Json>>;
  /** One id per operation: it finds this request in the log. */
  readonly requestId: string;
  /** The names of the operations from the request down to here. */
  readonly operations: readonly string[];
  readonly parentRequestId: string | undefined;

  private constructor(
    owner: Owner,
    run: { readonly threadId: ThreadId; readonly runId: RunId },
    rest: Pick<UserExecutionContext, 'roles' | 'metadata' | 'operations' | 'parentRequestId'>,
  ) {
    this.tenantId = owner.tenantId;
    this.userId = owner.userId;
    this.threadId = run.threadId;
    this.runId = run.runId;
    this.roles = rest.roles;
    this.metadata = rest.metadata;
    this.operations = rest.operations;
    this.parentRequestId = rest.parentRequestId;
    this.requestId = crypto.randomUUID();
    Object.freeze(this);
  }

  /**
   * Makes a context for one authenticated request.
   *
   * @throws `ID_INVALID` naming the id, `CONTEXT_INVALID` when roles or metadata are malformed.
   * @example
   * const context = UserExecutionContext.fromRequest({ userId: 'ada', threadId: 't1', runId: 'r1' });
   */
  static fromRequest(request: ContextRequest): UserExecutionContext {
    return new UserExecutionContext(
      { tenantId: tenantId(request.tenantId ?? DEFAULT_TENANT), userId: userId(request.userId) },
      { threadId: threadId(request.threadId), runId: runId(request.runId) },
      {
        roles: parseRoles(request.roles ?? ['user']),
        metadata: parseMetadata(request.metadata ?? {}),
        operations: Object.freeze([]),
        parentRequestId: undefined,
      },
    );
  }

  /** The context of a run that an earlier process accepted. @internal */
  static restore(
    owner: Owner,
    run: { readonly threadId: ThreadId; readonly runId: RunId },
    kept: string,
  ): UserExecutionContext {
    // A parse boundary: `UserWebSocketEmitter.accept` wrote it.
    const { roles, metadata, operations } = JSON.parse(kept) as KeptContext;
    return new UserExecutionContext(owner, run, {
      roles: Object.freeze(roles),
      metadata: deepFreeze(metadata),
      operations: Object.freeze(operations),
      parentRequestId: undefined,
    });
  }

  /** How many operations deep this context is; a request's own is 0. */
  get depth(): number {
    return this.operations.length;
  }

  /**
   * A context for a part of this request: same user, thread and run, one deeper.
   *
   * @throws `CONTEXT_INVALID` past 10 levels, and for a name that is no id.
   */
  child(operation: string): UserExecutionContext {
    if (!isId(operation))
      throw invalid(
        'operations',
        `an operation's name must be 1 to ${ID_MAX_LENGTH} characters without control characters`,
      );
    return this.#derive(this.runId, operation);
  }

  /** The context of a child run: same user and thread, its own run id, one deeper. @internal */
  forChildRun(child: RunId, operation: string): UserExecutionContext {
    return this.#derive(child, operation);
  }

  #derive(run: RunId, operation: string): UserExecutionContext {
    if (this.depth >= LIMITS.contextDepth.default) {
      throw invalid('operations', `${operation} would be more than ${LIMITS.contextDepth.default} levels deep`);
    }
    return new UserExecutionContext(
      this,
      { threadId: this.threadId, runId: run },
      {
        roles: this.roles,
        metadata: this.metadata,
        operations: Object.freeze([...this.operations, operation]),
        parentRequestId: this.requestId,
      },
    );
  }
}

type KeptContext = Pick<UserExecutionContext, 'roles' | 'metadata' | 'operations'>;

function parseRoles(roles: readonly string[]): readonly string[] {
  const sound =
    Array.isArray(roles) && roles.length <= 32 && roles.every((role) => typeof role === 'string' && role.length <= 64);
  if (!sound) throw invalid('roles', 'roles must be at most 32 strings of at most 64 characters');
  return Object.freeze([...roles]);
}

function parseMetadata(metadata: Readonly<Record<string, Json>>): Readonly<Record<string, Json>> {
  const limit = LIMITS.metadataBytes.default;
  let text: string;
  try {
    text = canonicalJson(metadata);
  } catch (error) {
    throw invalid('metadata', `metadata must be plain JSON: ${String(error)}`);
  }
  if (!text.startsWith('{')) throw invalid('metadata', 'metadata must be an object');
  const { length } = new TextEncoder().encode(text);
  if (length > limit) throw invalid('metadata', `metadata must be at most ${limit} bytes, got ${length}`);
  return deepFreeze(JSON.parse(text) as Record<string, Json>);
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null) {
    for (const inner of Object.values(value)) deepFreeze(inner);
    Object.freeze(value);
  }
  return value;
}

function invalid(field: string, reason: string): EnginehouseError {
  return new EnginehouseError('CONTEXT_INVALID', reason, { field, reason });
}
