/**
 * What the kit sees of one runtime, through the seams and through what Node
 * itself tells: its time, its calls, its requests, what is open, what it logs.
 */

import type { Disarm } from '../base/clock.ts';
import type { OpenResource } from '../base/resource-registry.ts';
import type { Seams } from '../startup/config.ts';
import type { EnginehouseRuntime } from '../startup/runtime.ts';
import { Activity } from './activity.ts';
import { Leftovers } from './audit/leftovers.ts';
import { HttpRequests } from './http-requests.ts';
import { DatabaseTap } from './tap/database-tap.ts';
import { StoreTap } from './tap/store-tap.ts';
import { TestClock } from './test-clock.ts';

export class Watch {
  readonly clock: TestClock;
  readonly store = new StoreTap();
  readonly databases: DatabaseTap = new DatabaseTap({ keepOrigins: true });
  readonly activity: Activity;
  /** What `startup()` gets. */
  readonly seams: Seams;
  readonly #ends: (() => void)[] = [];
  readonly #lines = new Set<(line: string) => void>();
  readonly #told = new Set<string>();
  #leftovers: Leftovers | undefined;

  constructor(seams: Seams) {
    const { clock = TestClock.real(), aroundStore, aroundDatabases, logLine } = seams;
    this.clock = clock instanceof TestClock ? clock : TestClock.real({ platform: clock });
    this.activity = new Activity([this.store, this.databases]);
    this.clock.settleBy(this.activity);
    this.seams = {
      keepOrigins: true,
      ...seams,
      clock: this.clock,
      // Around the test's own, so that what it lets fail is seen to have been called.
      aroundStore: (store) => this.store.around(aroundStore?.(store) ?? store),
      aroundDatabases: (databases) => this.databases.around(aroundDatabases?.(databases) ?? databases),
      logLine: (line) => {
        logLine?.(line);
        for (const listener of this.#lines) listener(line);
      },
    };
  }

  /** Once it is up. */
  sees({ resources, factory, address }: EnginehouseRuntime): void {
    if (address !== undefined) {
      const requests = HttpRequests.open(address.port);
      this.activity.add(requests);
      this.#ends.push(() => requests.close());
    }
    const { clock, databases: transactions } = this;
    const leftovers = new Leftovers({ resources, house: factory.house.userId, address, transactions, clock });
    this.#ends.push(() => leftovers[Symbol.dispose]());
    this.#leftovers = leftovers;
  }

  get leftovers(): Leftovers | undefined {
    return this.#leftovers;
  }

  /** What is open and known now is nobody's: the runtime is verified, and its first test comes. */
  begin(): void {
    this.store.forget();
    this.#leftovers?.baseline();
  }

  /** What a test left open is told once, by whoever found it first. */
  tell(left: readonly OpenResource[]): void {
    for (const resource of left) this.#told.add(keyOf(resource));
  }

  wasTold(resource: OpenResource): boolean {
    return this.#told.has(keyOf(resource));
  }

  onLine(listener: (line: string) => void): Disarm {
    this.#lines.add(listener);
    return () => void this.#lines.delete(listener);
  }

  /** Lets time go on by itself. */
  release(): void {
    this.clock.release();
  }

  /** Idempotent. */
  close(): void {
    for (const end of this.#ends.splice(0)) end();
  }
}

function keyOf({ kind, name, owner }: OpenResource): string {
  return JSON.stringify([kind, name, owner]);
}
