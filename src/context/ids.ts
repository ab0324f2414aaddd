import { EnginehouseError } from '../base/errors.ts';

/**
 * Ids are opaque strings of 1 to 128 characters without control characters. No
 * word list, no meaning in the text: a user called "demo" works. Each kind has
 * its own brand, so that a user is never taken for a run.
 */
declare const brand: unique symbol;
type Branded<Name extends string> = string & { readonly [brand]: Name };

export type TenantId = Branded<'tenant'>;
export type UserId = Branded<'user'>;
export type ThreadId = Branded<'thread'>;
export type RunId = Branded<'run'>;

export const ID_MAX_LENGTH = 128;

// C0 and C1 controls, and lone surrogates, which no store and no JSON parser keeps.
const UNSAFE = /[\u0000-\u001f\u007f-\u009f]|\p{Surrogate}/u;

export function isId(value: unknown): value is string {
  return typeof value === 'string' && value.length > 0 && value.length <= ID_MAX_LENGTH && !UNSAFE.test(value);
}

function parseId<Name extends string>(field: string, value: unknown): Branded<Name> {
  // The one cast of the house that makes a brand: everything else passes through here.
  if (isId(value)) return value as Branded<Name>;
  const shown = typeof value === 'string' ? JSON.stringify(value.slice(0, 40)) : String(value);
  throw new EnginehouseError(
    'ID_INVALID',
    `${field} must be 1 to ${ID_MAX_LENGTH} characters without control characters, got ${shown}`,
    { field, received: typeof value === 'string' ? value.slice(0, 200) : typeof value },
  );
}

/** @throws `ID_INVALID` */
export const tenantId = (value: unknown): TenantId => parseId('tenantId', value);
/** @throws `ID_INVALID` */
export const userId = (value: unknown): UserId => parseId('userId', value);
/** @throws `ID_INVALID` */
export const threadId = (value: unknown): ThreadId => parseId('threadId', value);
/** @throws `ID_INVALID` */
export const runId = (value: unknown): RunId => parseId('runId', value);

/** Whose a row is. Every read and write is bound to one. */
export interface Owner {
  readonly tenantId: TenantId;
  readonly userId: UserId;
}

/** One text per owner, for maps. No two owners share one: ids hold no control characters. */
export function ownerKey(owner: Owner): string {
  return `${owner.tenantId}\u0000${owner.userId}`;
}

/** The tenant of those who name none. */
export const DEFAULT_TENANT: TenantId = tenantId('default');

/** Who everybody on this machine is while nothing authenticates. */
export const LOCAL_USER: UserId = userId('local');
