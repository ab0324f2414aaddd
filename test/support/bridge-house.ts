import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

import { systemClock, type Clock } from '../../src/base/clock.ts';
import { EnginehouseError } from '../../src/base/errors.ts';
import { systemIds } from '../../src/base/ids.ts';
import { ResourceRegistry } from '../../src/base/resource-registry.ts';
import { AgentWebSocketBridge } from '../../src/bridge/agent-websocket-bridge.ts';
import type { SocketDoor } from '../../src/bridge/socket-door.ts';
import { DEFAULT_TENANT, runId, userId, type Owner } from '../../src/context/ids.ts';
import type { LimitOptions } from '../../src/context/limits.ts';
import type { Principal } from '../../src/context/principal.ts';
import { resolveLimits } from '../../src/context/resolve-limits.ts';
import { UserExecutionContext } from '../../src/context/user-execution-context.ts';
import type { Position } from '../../src/context/wire.ts';
import { runStream } from '../../src/context/wire.ts';
import type { Store } from '../../src/event/store.ts';
import type { UserWebSocketEmitter } from '../../src/event/user-websocket-emitter.ts';
import { openSqliteStore } from '../../src/store/sqlite/open-sqlite-store.ts';

export interface HouseOptions {
  readonly limits?: LimitOptions;
  readonly clock?: Clock;
  /** When the sign-in of everybody ends. */
  readonly expiresAt?: number;
  /** Carries a command out. By default `run.start` accepts a run and writes `input.deltas` events and the end. */
  readonly command?: SocketDoor['command'];
}

/** A bridge behind a real server on a free port, with a real store, and a door that takes a bearer's text for the user. */
export class BridgeHouse implements AsyncDisposable {
  readonly bridge: AgentWebSocketBridge;
  readonly store: Store;
  readonly server: Server;
  readonly resources: ResourceRegistry;
  readonly door: SocketDoor;
  readonly #emitters: UserWebSocketEmitter[] = [];
  readonly #bag: AsyncDisposableStack;

  constructor(store: Store, resources: ResourceRegistry, options: HouseOptions) {
    const { clock = systemClock, command } = options;
    const limits = resolveLimits(options.limits);
    this.store = store;
    this.resources = resources;
    this.#bag = new AsyncDisposableStack();
    this.#bag.use(store);
    this.bridge = this.#bag.use(
      new AgentWebSocketBridge({ store, clock, ids: systemIds, limits, resources, holder: 'test' }),
    );
    this.server = createServer((_request, response) => response.writeHead(404).end());
    this.door = {
      path: '/ws',
      authenticate: async (request) => authenticate(request, options.expiresAt),
      command: command ?? ((principal, frame) => this.#command(principal, frame)),
    };
  }

  static async open(options: HouseOptions = {}): Promise<BridgeHouse> {
    const resources = new ResourceRegistry();
    const store = await openSqliteStore({ path: ':memory:', limits: resolveLimits(options.limits), resources });
    const house = new BridgeHouse(store, resources, options);
    house.bridge.attach(house.server, house.door);
    house.server.listen(0, '127.0.0.1');
    await once(house.server, 'listening');
    return house;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  get url(): string {
    return `ws://127.0.0.1:${this.port}/ws`;
  }

  /** Starts a run and gives its writer. */
  async accept(run: string, user = 'ada'): Promise<UserWebSocketEmitter> {
    const context = UserExecutionContext.fromRequest({ userId: user, threadId: 't1', runId: run });
    const emitter = this.bridge.createUserEmitter(context);
    this.#emitters.push(emitter);
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

  /** A whole run: accepted, `deltas` pieces of text that are not merged, completed. */
  async write(run: string, deltas: number, options: { user?: string; text?: string } = {}): Promise<void> {
    const emitter = await this.accept(run, options.user);
    await writeDeltas(emitter, deltas, options.text);
    await emitter.emit('agent_completed', { result: deltas });
    await emitter.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const emitter of this.#emitters) await emitter.close();
    const closed = once(this.server, 'close');
    this.server.close();
    await this.#bag.disposeAsync();
    this.server.closeAllConnections();
    await closed;
  }

  async #command(principal: Principal, frame: Parameters<SocketDoor['command']>[1]): Promise<Position> {
    if (frame.op === 'run.cancel') throw new EnginehouseError('NOT_FOUND', 'no', { what: 'run', id: frame.a.runId });
    if (frame.a.agent !== 'echo') {
      throw new EnginehouseError('AGENT_UNKNOWN', `no agent ${frame.a.agent}`, {
        agent: frame.a.agent,
        known: ['echo'],
      });
    }
    const id = frame.a.runId ?? frame.id;
    if ((await this.store.for(principal).runs.get(runId(id))) === undefined) {
      const { deltas = 3 } = (frame.a.input ?? {}) as { deltas?: number };
      const emitter = await this.accept(id, principal.userId);
      void writeDeltas(emitter, deltas).then(() => emitter.emit('agent_completed', { result: deltas }));
    }
    return { s: runStream(id), seq: 1 };
  }
}

export function owner(user = 'ada'): Owner {
  return { tenantId: DEFAULT_TENANT, userId: userId(user) };
}

/** Deltas of alternating parts, so that the emitter merges none of them. */
export async function writeDeltas(emitter: UserWebSocketEmitter, count: number, text = 'word '): Promise<void> {
  for (let at = 0; at < count; at += 32) {
    const size = Math.min(32, count - at);
    await Promise.all(
      Array.from({ length: size }, (_, index) =>
        emitter.emit('message_delta', { message: `m${(at + index) % 2}`, delta: text }),
      ),
    );
  }
}

function authenticate(request: IncomingMessage, expiresAt: number | undefined): Principal {
  const token = request.headers.authorization?.replace('Bearer ', '');
  if (token === undefined) throw new EnginehouseError('UNAUTHENTICATED', 'a token is needed', { reason: 'no token' });
  if (token === 'mallory')
    throw new EnginehouseError('FORBIDDEN', 'not from here', { header: 'Origin', received: 'x' });
  return { ...owner(token), roles: ['user'], expiresAt };
}
