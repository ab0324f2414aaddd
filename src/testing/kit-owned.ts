/**
 * Runtimes that outlive one test: those of worker scope, by a hash of their
 * configuration, and the one behind `getOrCreateWebSocketBridgeForTests()`,
 * which a file has.
 */

import { createHash } from 'node:crypto';

import type { OpenResource } from '../base/resource-registry.ts';
import type { EnginehouseRuntime } from '../startup/runtime.ts';
import { leftOpen } from './audit/leftovers.ts';
import { ExecutionEngineFactoryTestManager } from './execution-engine-factory-test-manager.ts';
import { adopt, closeHandMade } from './hand-made.ts';
import { endKit } from './kit-end.ts';
import { parityChecked } from './parity/check-parity.ts';
import { projectConfig } from './project-config.ts';
import { closeShared, shared, sharedNow, sharedValues } from './shared.ts';
import { resolveTestStore, type TestRuntimeOptions, type TestStore } from './test-options.ts';
import type { TestRuntime } from './test-runtime.ts';
import { throwAll } from './throw-all.ts';

const KEY: unique symbol = Symbol.for('enginehouse.testing.file');

/** The runtime of the file that runs now, if one was asked for. */
const place = globalThis as { [KEY]?: ExecutionEngineFactoryTestManager | undefined };

const RUNTIME_KEY = 'runtime ';

/** Milliseconds that a runtime may take to close: its own steps have deadlines, this is for their sum. */
const RUNTIME_CLOSE_MS = 30_000;

/** Ids of what is not data: agents' code, schemas, clocks. */
const identities = new WeakMap<object, number>();
let nextIdentity = 1;

/** The shared runtime of this configuration in this process, booted when first asked for. A boot that failed is not tried again. */
export async function sharedRuntime(options: TestRuntimeOptions = {}): Promise<TestRuntime> {
  const key = await keyOf(options);
  const digest = createHash('sha256').update(key).digest('hex').slice(0, 4);
  const manager = await shared({
    name: `runtime #${digest}`,
    key: `${RUNTIME_KEY}${key}`,
    // Its boot is not part of that: one that hangs is not waited for when all that is shared is closed.
    open: () => new ExecutionEngineFactoryTestManager(ownDatabase(options)),
    close: (booted) => booted.cleanup(),
    closeTimeoutMs: RUNTIME_CLOSE_MS,
  });
  await manager.initializeForTests();
  adopt(manager.home);
  return manager.home;
}

/** The runtime that the kit owns for tests which named none. */
export async function ownedByKit(): Promise<EnginehouseRuntime> {
  const manager = (place[KEY] ??= new ExecutionEngineFactoryTestManager());
  await manager.initializeForTests();
  adopt(manager.home);
  return manager.runtime;
}

/** Closes what the kit booted for a file. */
export async function closeFileRuntime(): Promise<void> {
  const manager = place[KEY];
  place[KEY] = undefined;
  await manager?.cleanup();
}

/**
 * What tests left open on the runtimes that they share and that belongs to no user, so that no single test was blamed:
 * to be called while no test runs.
 *
 * @throws `TEST_LEFT_OPEN`
 */
export async function checkSharedRuntimes(): Promise<void> {
  const managers = await Promise.all(sharedValues(RUNTIME_KEY));
  const left: OpenResource[] = [];
  for (const manager of managers) {
    const watch = manager instanceof ExecutionEngineFactoryTestManager ? manager.lives?.watch : undefined;
    left.push(...((await watch?.leftovers?.settled()) ?? []));
    // Told once.
    watch?.begin();
  }
  if (left.length > 0) throw leftOpen(left);
}

/** What is shared in this process and how many tests asked for it, in one line; `undefined` when nothing is. */
export function sharedText(): string | undefined {
  const all = sharedNow().map(({ name, uses }) => `${name} × ${uses}`);
  return all.length === 0 ? undefined : `enginehouse: shared by tests of this process: ${all.join(', ')}`;
}

/** Closes everything that tests of this process share, and drops its test databases. @throws what closing one threw; several as an `AggregateError` */
export async function closeSharedRuntimes(): Promise<void> {
  const outcomes = await Promise.allSettled([parityChecked(), closeFileRuntime(), closeHandMade(), closeShared()]);
  const failures = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason as unknown] : []));
  // Runtimes have given their databases back by now.
  failures.push(...(await endKit()));
  throwAll(failures, 'the end of what tests share');
}

/** Many tests, each of which may be a tenant of its own, share this runtime: it is not one tenant's. */
function ownDatabase({ seams, ...options }: TestRuntimeOptions): TestRuntimeOptions {
  const store = resolveTestStore(options.store);
  const own: TestStore = store.kind === 'sqlite' ? 'sqlite' : { kind: 'postgres', isolation: 'clone' };
  return { ...options, store: own, seams: { ...seams, tenant: undefined } };
}

/** What is data counts by its value; what is code, or is no plain data, by which one it is. */
async function keyOf({ config, seams, limits, log, store }: TestRuntimeOptions): Promise<string> {
  const project = config?.agents === undefined ? await projectConfig() : undefined;
  const { tenant: _testsOwn, ...lasting } = seams ?? {};
  return JSON.stringify(
    [project, config, limits, log, resolveTestStore(store).kind, lasting],
    (_name, value: unknown) => (isData(value) ? value : `#${identityOf(Object(value))}`),
  );
}

function isData(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return typeof value !== 'function' && typeof value !== 'symbol';
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null || Array.isArray(value);
}

function identityOf(value: object): number {
  const known = identities.get(value);
  if (known !== undefined) return known;
  identities.set(value, nextIdentity);
  return nextIdentity++;
}
