import type { Clock } from '../../src/base/clock.ts';
import { systemClock } from '../../src/base/clock.ts';
import { ResourceRegistry } from '../../src/base/resource-registry.ts';
import type { AgentEvent } from '../../src/context/event.ts';
import type { LimitOptions } from '../../src/context/limits.ts';
import { resolveLimits } from '../../src/context/resolve-limits.ts';
import { UserExecutionContext } from '../../src/context/user-execution-context.ts';
import type { NewEvent, OwnedStore, RunLog, Store } from '../../src/event/store.ts';
import { UserWebSocketEmitter, type EmitterDeps } from '../../src/event/user-websocket-emitter.ts';
import { openOwnStore } from './own-store.ts';

/** A real store whose appends a test can hold back or let fail, as a disk would. */
export class WritingHouse implements AsyncDisposable {
  readonly store: Store;
  readonly resources = new ResourceRegistry();
  readonly context: UserExecutionContext;
  /** The batches that were appended, in order. */
  readonly appended: (readonly NewEvent[])[] = [];
  readonly told: [head: number, events: number][] = [];
  readonly owned: OwnedStore;
  #held: PromiseWithResolvers<void> | undefined;
  #failure: Error | undefined;

  private constructor(store: Store, userId: string) {
    this.store = store;
    this.context = UserExecutionContext.fromRequest({ userId, threadId: 't1', runId: 'r1' });
    const owned = store.for(this.context);
    this.owned = { ...owned, log: this.#watched(owned.log) };
  }

  static async open(userId = 'ada'): Promise<WritingHouse> {
    const store = await openOwnStore({ limits: resolveLimits(), resources: new ResourceRegistry() });
    return new WritingHouse(store, userId);
  }

  emitter(options: { readonly limits?: LimitOptions; readonly clock?: Clock } = {}): UserWebSocketEmitter {
    const deps: EmitterDeps = {
      store: this.owned,
      clock: options.clock ?? systemClock,
      limits: resolveLimits(options.limits),
      resources: this.resources,
      holder: 'test',
      advanced: (head, events) => void this.told.push([head, events.length]),
    };
    return new UserWebSocketEmitter(this.context, deps);
  }

  /** An emitter that holds the run, which was accepted. */
  async accepted(
    options: { readonly limits?: LimitOptions; readonly clock?: Clock } = {},
  ): Promise<UserWebSocketEmitter> {
    const emitter = this.emitter(options);
    await emitter.accept({
      agent: 'echo',
      version: '1',
      origin: 'request',
      parentRunId: undefined,
      inputDigest: 'none',
      accepted: { agent: 'echo', version: '1', input: null },
    });
    return emitter;
  }

  /** Appends wait until the returned function is called. */
  hold(): () => void {
    this.#held = Promise.withResolvers();
    return () => {
      this.#held?.resolve();
      this.#held = undefined;
    };
  }

  /** Every append from now on fails with this. */
  fail(error: Error | undefined): void {
    this.#failure = error;
  }

  events(): Promise<readonly AgentEvent[]> {
    return this.owned.log.read(this.context.runId, 0, 10_000);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.store.close();
  }

  #watched(log: RunLog): RunLog {
    return {
      ...log,
      append: async (runId, append) => {
        this.appended.push(append.events);
        await this.#held?.promise;
        if (this.#failure !== undefined) throw this.#failure;
        return log.append(runId, append);
      },
    };
  }
}
