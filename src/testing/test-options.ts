import { EnginehouseError } from '../base/errors.ts';
import { tenantId } from '../context/ids.ts';
import type { LimitOptions } from '../context/limits.ts';
import type { EnginehouseConfig, LogLevel, Seams } from '../startup/config.ts';

/** The stores that a test can run on. */
export const stores = ['sqlite', 'postgres'] as const;

export type StoreName = (typeof stores)[number];

/**
 * How tests on PostgreSQL are kept apart: each with a database of its own, copied from a template; or with one that is
 * emptied after the test before; or as a tenant of its own in one database.
 */
export type Isolation = 'clone' | 'recycle' | 'tenant';

/** On which store a test runs: by name, or with how tests on PostgreSQL are kept apart. */
export type TestStore = StoreName | { readonly kind: 'postgres'; readonly isolation?: Isolation | undefined };

/** What a test says of the runtime it wants. Nothing is needed. */
export interface TestRuntimeOptions {
  /** On which store it runs. @default ENGINEHOUSE_TEST_STORE, such as `postgres` or `postgres:recycle`; else 'sqlite' */
  readonly store?: TestStore | undefined;
  /**
   * The configuration under test, or a part that replaces the same part of the project's own.
   *
   * @default the project's enginehouse.config.ts, or no agents where there is none
   */
  readonly config?: Partial<EnginehouseConfig> | undefined;
  /** Limits on top of the configuration's. @default short drains, so that a teardown is quick */
  readonly limits?: LimitOptions | undefined;
  /** What a test may replace; see `startup()`. */
  readonly seams?: Seams | undefined;
  /** @default 'silent' */
  readonly log?: LogLevel | undefined;
}

export type ResolvedTestStore =
  { readonly kind: 'sqlite' } | { readonly kind: 'postgres'; readonly isolation: Isolation };

/** @throws `CONFIG_INVALID` when there is no such store or isolation */
export function resolveTestStore(
  store: TestStore | undefined,
  env: Readonly<Record<string, string | undefined>> = process.env,
): ResolvedTestStore {
  const said = store ?? (env[VARIABLE] || 'sqlite');
  const [kind, isolation] =
    typeof said === 'string' ? said.split(':', 2) : [said.kind, said.isolation ?? DEFAULT_ISOLATION];
  if (kind === 'sqlite' && isolation === undefined) return { kind };
  const known = ISOLATIONS.find((each) => each === (isolation ?? DEFAULT_ISOLATION));
  if (kind === 'postgres' && known !== undefined) return { kind, isolation: known };
  const must = 'sqlite, postgres, postgres:clone, postgres:recycle or postgres:tenant';
  const received = typeof said === 'string' ? said : JSON.stringify(said);
  const message = `the store of a test (${VARIABLE}) must be ${must}, got ${received}`;
  throw new EnginehouseError('CONFIG_INVALID', message, { option: 'store', received });
}

/** Where tests share a database, each is a tenant of its own: these options name one, whether they did or not. */
export function withTenant(options: TestRuntimeOptions): TestRuntimeOptions {
  const { store, seams } = options;
  const resolved = resolveTestStore(store);
  if (resolved.kind === 'sqlite' || resolved.isolation !== 'tenant' || seams?.tenant !== undefined) return options;
  return { ...options, seams: { ...seams, tenant: tenantId(`test-${crypto.randomUUID()}`) } };
}

const VARIABLE = 'ENGINEHOUSE_TEST_STORE';
const ISOLATIONS: readonly Isolation[] = ['clone', 'recycle', 'tenant'];
const DEFAULT_ISOLATION: Isolation = 'clone';

/** How a test ended. */
export interface TestOutcome {
  /** The name of the test, when it failed. Its database is kept. */
  readonly failedTest?: string | undefined;
}

/** Milliseconds that each step of a teardown may take. */
export const TEARDOWN_STEP_MS = 2_000;

/** A test's runtime does not wait long for runs that the test left behind. */
export const TEST_LIMITS: LimitOptions = { drainTimeoutMs: 500, cancelGraceMs: 250 };
