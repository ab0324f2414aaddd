/**
 * Runtimes that outlive one test: the one behind
 * `getOrCreateWebSocketBridgeForTests()`, and those of worker scope.
 *
 * They are kept on `globalThis` under a symbol, by a hash of their configuration,
 * because a runner may load this module more than once in a process. A boot that
 * failed is attempted once: everyone who needs it gets the same cause.
 */

import type { EnginehouseRuntime } from '../startup/runtime.ts';
import { ExecutionEngineFactoryTestManager } from './execution-engine-factory-test-manager.ts';
import { endKit } from './kit-end.ts';
import { projectConfig } from './project-config.ts';
import { resolveTestStore, type TestRuntimeOptions, type TestStore } from './test-options.ts';
import type { TestRuntime } from './test-runtime.ts';

interface Shared {
  readonly manager: ExecutionEngineFactoryTestManager;
  readonly ready: Promise<unknown>;
}

const KEY: unique symbol = Symbol.for('enginehouse.testing.shared');

const place = globalThis as { [KEY]?: Map<string, Shared> };
const shared = (place[KEY] ??= new Map());

/** Ids of configuration objects: two that are the same object are the same configuration. */
const identities = new WeakMap<object, number>();
let nextIdentity = 1;

/** The shared runtime of this configuration in this process, booted when first asked for. */
export async function sharedRuntime(options: TestRuntimeOptions = {}): Promise<TestRuntime> {
  const key = await keyOf(options);
  let known = shared.get(key);
  if (known === undefined) {
    const manager = new ExecutionEngineFactoryTestManager(ownDatabase(options));
    known = { manager, ready: manager.initializeForTests() };
    shared.set(key, known);
  }
  await known.ready;
  return known.manager.home;
}

/** The runtime that the kit owns for tests which named none. */
export async function ownedByKit(): Promise<EnginehouseRuntime> {
  return (await sharedRuntime()).runtime;
}

/** Closes every shared runtime of this process, and drops its test databases. @throws what closing one threw; several as an `AggregateError` */
export async function closeSharedRuntimes(): Promise<void> {
  const all = [...shared.values()];
  shared.clear();
  const outcomes = await Promise.allSettled(all.map(({ manager }) => manager.cleanup()));
  const failures = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason as unknown] : []));
  // Runtimes have given their databases back by now.
  failures.push(...(await endKit()));
  if (failures.length === 1) throw failures[0];
  if (failures.length > 1) throw new AggregateError(failures, 'shared test runtimes did not close cleanly');
}

/** Many tests, each of which may be a tenant of its own, share this runtime: it is not one tenant's. */
function ownDatabase({ seams, ...options }: TestRuntimeOptions): TestRuntimeOptions {
  const store = resolveTestStore(options.store);
  const own: TestStore = store.kind === 'sqlite' ? 'sqlite' : { kind: 'postgres', isolation: 'clone' };
  return { ...options, store: own, seams: { ...seams, tenant: undefined } };
}

async function keyOf({ config, limits, seams, log, store }: TestRuntimeOptions): Promise<string> {
  const { agents = (await projectConfig())?.agents, ...rest } = config ?? {};
  const identity = [...(agents ?? []), rest.database?.migrations, seams?.clock, seams?.ids].map(identityOf);
  return JSON.stringify([
    identity,
    { ...rest, database: undefined },
    limits ?? {},
    log ?? '',
    resolveTestStore(store).kind,
  ]);
}

function identityOf(value: object | undefined): number {
  if (value === undefined) return 0;
  const known = identities.get(value);
  if (known !== undefined) return known;
  identities.set(value, nextIdentity);
  return nextIdentity++;
}
