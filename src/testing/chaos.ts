import { EnginehouseError } from '../base/errors.ts';
import type { Owner } from '../context/ids.ts';
import type { Seed } from './seed.ts';
import type { SocketFaults } from './sockets/socket-faults.ts';
import type { StoreChaos, StoreFaults } from './tap/store-faults.ts';
import type { TestRuntime } from './test-runtime.ts';
import type { TestUser } from './test-user.ts';
import type { Kill, KillOptions } from './worker/worker-options.ts';
import type { Worker } from './worker/worker.ts';

interface ChaosParts {
  readonly seed: () => Seed;
  /** The runtime that the test lives in, where that is in this process. */
  readonly home: () => TestRuntime | undefined;
  readonly worker: () => Worker | undefined;
  /** Whose calls are this test's, on a runtime that tests share. */
  readonly concerns: (owner: Owner) => boolean;
}

/**
 * What a test lets go wrong, in real parts: a connection that drops, a store
 * that refuses, a process that dies. Everything is let go when the test ends;
 * what was to strike and never did fails the test.
 */
export class Chaos {
  readonly #parts: ChaosParts;
  readonly #sockets = new Map<SocketFaults, string>();
  #store: StoreFaults | undefined;

  /** @internal */
  constructor(parts: ChaosParts) {
    this.#parts = parts;
  }

  /** Randomness that can be had again: draw from it what goes wrong, and when. */
  get seed(): Seed {
    return this.#parts.seed();
  }

  /**
   * One user's connections.
   *
   * @example
   * const cut = chaos.socket(alice).cut({ afterFrame: 3 });
   */
  socket(user: TestUser): SocketFaults {
    const { faults } = user.sockets;
    this.#sockets.set(faults, user.id);
    return faults;
  }

  /**
   * The calls of the test's store.
   *
   * @throws `TEST_KIT_MISUSED` while the test lives in no runtime of this process
   * @example
   * chaos.store.fail('append', { nth: 4 });
   */
  get store(): StoreChaos {
    const home = this.#parts.home();
    if (home === undefined) throw misused('chaos.store', 'name `runtime` or a factory among the fixtures of the test');
    return (this.#store ??= home.watch.store.createFaults(this.#parts.concerns));
  }

  /**
   * Kills the test's worker with SIGKILL, now or at a point of a run, and puts another process in its place.
   *
   * @throws `TEST_KIT_MISUSED` when the test has no worker; `KILL_NOT_REACHED`
   * @example
   * const kill = chaos.kill('worker', { at: 'tool_completed' });
   */
  kill(what: 'worker', options: KillOptions = {}): Kill {
    const worker = this.#parts.worker();
    if (worker === undefined) throw misused(`chaos.kill('${what}')`, 'name `worker` among the fixtures of the test');
    return worker.kill(options);
  }

  /** Faults that were to strike and have not. @internal */
  unstruck(): readonly EnginehouseError[] {
    const sockets = [...this.#sockets.keys()].flatMap(({ unstruck }) => unstruck);
    return [...(this.#store?.unstruck() ?? []), ...sockets];
  }

  /** Lets everything go. @internal */
  async letGo(): Promise<void> {
    this.#store?.[Symbol.dispose]();
    await Promise.all([...this.#sockets.keys()].map((faults) => faults.heal()));
  }
}

function misused(part: string, cure: string): EnginehouseError {
  return new EnginehouseError(
    'TEST_KIT_MISUSED',
    `${part} has nothing to act on`,
    { part },
    { cure: `In a test, ${cure}.` },
  );
}
