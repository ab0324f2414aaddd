/**
 * A running Enginehouse: everything that `startup()` made, and the one `close()`
 * that gives all of it back. A runtime is a value; many live in one process.
 */

import type { Server } from 'node:http';

import type { AgentRegistry } from '../agent/agent-registry.ts';
import { EnginehouseError } from '../base/errors.ts';
import type { ResourceRegistry } from '../base/resource-registry.ts';
import type { Scope } from '../base/scope.ts';
import type { AgentWebSocketBridge } from '../bridge/agent-websocket-bridge.ts';
import type { Limits } from '../context/limits.ts';
import type { Store } from '../event/store.ts';
import type { ExecutionEngineFactory } from '../factory/execution-engine-factory.ts';
import type { Readiness } from '../server/door-deps.ts';
import type { Doors } from '../server/create-doors.ts';
import type { ListenAddress } from '../server/listen.ts';
import type { BootTrace } from './boot-trace.ts';
import type { ReadinessCheck } from './readiness.ts';

interface RuntimeParts {
  readonly factory: ExecutionEngineFactory;
  readonly bridge: AgentWebSocketBridge;
  readonly store: Store;
  readonly agents: AgentRegistry;
  readonly doors: Doors;
  readonly readiness: ReadinessCheck;
  readonly address: ListenAddress | undefined;
  readonly limits: Limits;
  readonly resources: ResourceRegistry;
  readonly bootTrace: BootTrace;
  readonly recoveredRuns: number;
  readonly scope: Scope;
}

export class EnginehouseRuntime implements AsyncDisposable {
  readonly factory: ExecutionEngineFactory;
  readonly bridge: AgentWebSocketBridge;
  readonly store: Store;
  readonly agents: AgentRegistry;
  /** Where its own server listens; `undefined` with `server.listen: false`. */
  readonly address: ListenAddress | undefined;
  readonly limits: Limits;
  /** What is open, by owner. Empty after `close()`. */
  readonly resources: ResourceRegistry;
  readonly bootTrace: BootTrace;
  /** How many runs of an earlier process were taken up at this start. */
  readonly recoveredRuns: number;
  readonly #doors: Doors;
  readonly #readiness: ReadinessCheck;
  readonly #scope: Scope;
  readonly #closers: (() => void)[] = [];
  readonly #attached: AsyncDisposable[] = [];
  #closing: Promise<void> | undefined;

  /** Made by `startup()`. @internal */
  constructor(parts: RuntimeParts) {
    this.factory = parts.factory;
    this.bridge = parts.bridge;
    this.store = parts.store;
    this.agents = parts.agents;
    this.address = parts.address;
    this.limits = parts.limits;
    this.resources = parts.resources;
    this.bootTrace = parts.bootTrace;
    this.recoveredRuns = parts.recoveredRuns;
    this.#doors = parts.doors;
    this.#readiness = parts.readiness;
    this.#scope = parts.scope;
  }

  get closed(): boolean {
    return this.#closing !== undefined;
  }

  /** A real event round trip through factory, engine, store and bridge, at most a second old. Never rejects. */
  ready(): Promise<Readiness> {
    return this.#readiness.check();
  }

  /**
   * Puts the doors on an existing HTTP server: the API and health under their paths, and the socket at `/ws`. Every
   * other request and upgrade goes where it went before. Disposing what it returns, or closing the runtime, takes them off.
   *
   * @throws `CLOSED`
   * @example
   * const app = fastify();
   * runtime.attach(app.server);
   */
  attach(server: Server): AsyncDisposable {
    if (this.#closing !== undefined) throw new EnginehouseError('CLOSED', 'the runtime is closed', { what: 'runtime' });
    const stack = new AsyncDisposableStack();
    stack.defer(this.#doors.serve(server));
    stack.use(this.bridge.attach(server, this.#doors.socket));
    this.#attached.push(stack);
    return stack;
  }

  /** Calls `closed` when the runtime begins to close. @internal */
  onClose(closed: () => void): void {
    this.#closers.push(closed);
  }

  /**
   * Stops taking requests, lets running runs end for up to limits.drainTimeoutMs, leaves the rest to the next start, and
   * closes everything. Idempotent.
   *
   * @throws what a part threw while closing; several as an `AggregateError` that names each step
   */
  close(): Promise<void> {
    return (this.#closing ??= this.#close());
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    for (const closed of this.#closers) closed();
    for (const attached of this.#attached) this.#scope.own('attached doors', attached);
    await this.#scope.close();
  }
}
