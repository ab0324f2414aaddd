/**
 * Ends what a test was given together with the test.
 *
 *   H1. Until it is lowered, a guarded handle is the handle: its methods run on
 *       the real thing, private fields and all, and `instanceof` says so.
 *   H2. After that every use throws `AFTER_TEST` with the name of the test whose
 *       body runs on, whichever test is running by then. Disposing and printing do not.
 *   H3. What a guarded handle gives out is guarded too; see `fence-shapes.ts`.
 *   H4. One thing has one proxy. Real methods are given the real things.
 *   H5. Calls under way when it is lowered settle by themselves.
 *   H6. What is not the test's own cannot be closed by it.
 */

import { EnginehouseError } from '../../base/errors.ts';
import { NO_SHAPE, shapeOf, type Shape } from './fence-shapes.ts';

type Call = (...args: readonly unknown[]) => unknown;

interface Guarded {
  readonly target: object;
  readonly name: string;
  readonly shape: Shape;
  /** Methods by key: the one they were made of, and the one that is given out. */
  readonly methods: Map<PropertyKey, { readonly of: Call; readonly call: Call }>;
}

const KEY: unique symbol = Symbol.for('enginehouse.testing.guarded');

/** What stands behind each proxy of this process; a runner may load this module twice. */
const place = globalThis as { [KEY]?: WeakMap<object, object> };
const targets = (place[KEY] ??= new WeakMap());

/** Looked at by whoever prints, awaits or compares a thing; that is no use of it. */
const LOOKED_AT: ReadonlySet<PropertyKey> = new Set(['then', 'constructor', 'toJSON', 'asymmetricMatch', '$$typeof']);
const CLOSERS: ReadonlySet<PropertyKey> = new Set(['close', Symbol.dispose, Symbol.asyncDispose]);
const ITERATORS: ReadonlySet<PropertyKey> = new Set([Symbol.iterator, Symbol.asyncIterator]);

/** The real thing behind a guarded handle; anything else is given back as it is. */
export function unguarded<T>(handle: T): T {
  if (typeof handle !== 'object' || handle === null) return handle;
  // A proxy has the type of what it stands for.
  return (targets.get(handle) ?? handle) as T;
}

export class Fence {
  readonly #proxies = new WeakMap<object, object>();
  readonly #keptOpen = new WeakSet<object>();
  /** The test that has ended. */
  #over: string | undefined;

  /** Whether the test has ended. */
  get lowered(): boolean {
    return this.#over !== undefined;
  }

  /** `handle` until the test ends. `name` is what a message calls it. */
  guard<T extends object>(handle: T, name: string): T {
    const target = unguarded(handle);
    // The proxy is made of this very target.
    return this.#proxyOf(target, name, shapeOf(target)) as T;
  }

  /** H6: lets the test use these, and not close them. */
  keepOpen(...handles: readonly object[]): void {
    for (const handle of handles) this.#keptOpen.add(handle);
  }

  /** Whether this handle was given out here. */
  gave(handle: object): boolean {
    return this.#proxies.get(unguarded(handle)) === handle;
  }

  /** Ends everything that it guards: the body of `test` has no business with it any more. */
  lower(test: string): void {
    this.#over ??= test;
  }

  #proxyOf(target: object, name: string, shape: Shape): object {
    const known = this.#proxies.get(target);
    if (known !== undefined) return known;
    const guarded: Guarded = { target, name, shape, methods: new Map() };
    const proxy = new Proxy(target, {
      get: (_target, key) => this.#get(guarded, key),
      set: (_target, key, value) => {
        this.#refuse(guarded, key);
        return Reflect.set(target, key, unguarded(value), target);
      },
    });
    this.#proxies.set(target, proxy);
    targets.set(proxy, target);
    return proxy;
  }

  #get(guarded: Guarded, key: PropertyKey): unknown {
    this.#refuse(guarded, key);
    const { target, name, shape, methods } = guarded;
    const value: unknown = Reflect.get(target, key, target);
    if (typeof value !== 'function') return this.#handOut(value, `${name}.${String(key)}`, shape.gives.get(key));
    const known = methods.get(key);
    if (known?.of === value) return known.call;
    // Of a property that can never change a proxy must give the very value.
    if (key === 'constructor' || Object.getOwnPropertyDescriptor(target, key)?.configurable === false) return value;
    const of = value as Call;
    const call = this.#bound(guarded, key, of);
    methods.set(key, { of, call });
    return call;
  }

  #bound(guarded: Guarded, key: PropertyKey, method: Call): Call {
    const { target, name, shape } = guarded;
    const given = shape.gives.get(key);
    const lent = shape.lends.get(key);
    const path = typeof key === 'symbol' ? `${name}[${key.description}]()` : `${name}.${String(key)}()`;
    return (...args) => {
      this.#refuse(guarded, key);
      if (CLOSERS.has(key) && this.#keptOpen.has(target)) throw notToClose(path);
      const real = args.map((arg) => (lent === undefined ? unguarded(arg) : this.#lending(arg, path, lent)));
      const result: unknown = Reflect.apply(method, target, real);
      if (result === target) return this.#proxyOf(target, name, shape);
      if (given === undefined) return result;
      if (result instanceof Promise) return result.then((value: unknown) => this.#handOut(value, path, given));
      return this.#handOut(result, path, given);
    };
  }

  /** A callback of the test is given guarded things. */
  #lending(callback: unknown, path: string, lent: Shape): unknown {
    if (typeof callback !== 'function') return unguarded(callback);
    return (first: unknown, ...more: readonly unknown[]): unknown =>
      Reflect.apply(callback, undefined, [this.#handOut(first, path, lent), ...more]);
  }

  /** H3 */
  #handOut(value: unknown, name: string, shape: Shape | undefined): unknown {
    if (shape === undefined || typeof value !== 'object' || value === null) return value;
    if (Array.isArray(value)) return value.map((each) => this.#handOut(each, name, shape));
    return this.#proxyOf(unguarded(value), name, shape === NO_SHAPE ? shapeOf(value) : shape);
  }

  /** H2 */
  #refuse({ name }: Guarded, key: PropertyKey): void {
    const test = this.#over;
    if (test === undefined || LOOKED_AT.has(key) || (typeof key === 'symbol' && !ITERATORS.has(key))) return;
    const handle = typeof key === 'symbol' ? name : `${name}.${String(key)}`;
    const message = `${handle} is used after its test "${test}" has ended (its body ran on)`;
    throw new EnginehouseError('AFTER_TEST', message, { test, handle });
  }
}

function notToClose(path: string): EnginehouseError {
  const message = `${path} would close what other tests share`;
  const cure =
    'The kit closes what is shared. A test that closes its runtime has one of its own: name `runtime` or `executionEngineFactory` among its fixtures.';
  return new EnginehouseError('TEST_KIT_MISUSED', message, { part: 'a shared runtime' }, { cure });
}
