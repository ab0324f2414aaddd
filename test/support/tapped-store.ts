import { ResourceRegistry } from '../../src/base/resource-registry.ts';
import type { Store } from '../../src/event/store.ts';
import { openSqliteStore } from '../../src/store/sqlite/open-sqlite-store.ts';
import { StoreTap } from '../../src/testing/tap/store-tap.ts';

/** A real store in memory with a tap around it. */
export class TappedStore implements AsyncDisposable {
  readonly tap = new StoreTap();
  readonly store: Store;

  private constructor(store: Store) {
    this.store = this.tap.around(store);
  }

  static async open(): Promise<TappedStore> {
    const resources = new ResourceRegistry();
    return new TappedStore(await openSqliteStore({ path: ':memory:', limits: { commitBytes: 262_144 }, resources }));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.store.close();
  }
}
