import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';

import { systemClock, type Clock } from '../../src/base/clock.ts';
import { asEnginehouseError, EnginehouseError } from '../../src/base/errors.ts';
import { systemIds } from '../../src/base/ids.ts';
import type { Log } from '../../src/base/log.ts';
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
import { openOwnStore } from './own-store.ts';

export interface HouseOptions {
  readonly limits?: LimitOptions;
  readonly clock?: Clock;
  readonly log?: Log;
  /** @default a free one */
  readonly port?: number;
  /** When the sign-in of everybody ends. */
  readonly expiresAt?: number;
  /** Carries a command out. By default `run.start` accepts a run and writes `input.deltas` events and the end. */
  readonly command?: SocketDoor['command'];
}

/** A bridge behind a real server on a free port, with a real store, and a door that takes a bearer's text for the user. */
export class BridgeHouse implements AsyncDisposable {
  readonly store: Store;
  readonly server: Server;
  /** What the bridge has open; the store is not of it. */
  readonly resources: ResourceRegistry;
  readonly door: SocketDoor;
  readonly #emitters: UserWebSocketEmitter[] = [];
  readonly #sockets = new Set<Socket>();
  readonly #writing: Promise<unknown>[] = [];
  readonly #makeBridge: () => AgentWebSocketBridge;
  #bridge: AgentWebSocketBridge;

  constructor(store: Store, resources: ResourceRegistry, options: HouseOptions) {
    const { clock = systemClock, command } = options;
    const limits = resolveLimits(options.limits);
    this.store = store;
    this.resources = resources;
    const deps = { store, clock, ids: systemIds, limits, resources, holder: 'test', log: options.log };
    this.#makeBridge = () => new AgentWebSocketBridge(deps);
    this.#bridge = this.#makeBridge();
    this.server = createServer((request, response) => void this.#answer(request, response));
    this.server.on('connection', (socket) => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
    });
    this.door = {
      path: '/ws',
      authenticate: async (request) => authenticate(request, options.expiresAt),
      command: command ?? ((principal, frame) => this.#command(principal, frame)),
    };
  }

  static async open(options: HouseOptions = {}): Promise<BridgeHouse> {
    const resources = new ResourceRegistry();
    const store = await openOwnStore({ limits: resolveLimits(options.limits), resources: new ResourceRegistry() });
    const house = new BridgeHouse(store, resources, options);
    house.bridge.attach(house.server, house.door);
    house.server.listen(options.port ?? 0, '127.0.0.1');
    await once(house.server, 'listening');
    return house;
  }

  get bridge(): AgentWebSocketBridge {
    return this.#bridge;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  get url(): string {
    return `ws://127.0.0.1:${this.port}/ws`;
  }

  /** Cuts every connection as a network does: without a word. */
  cut(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  /** What a client sees of a new process on the same store. */
  async restart(): Promise<void> {
    await this.#bridge.close();
    this.#bridge = this.#makeBridge();
    this.#bridge.attach(this.server, this.door);
  }

  /** Takes a run over from the writer before. */
  async takeOver(run: string, user = 'ada'): Promise<UserWebSocketEmitter> {
    const emitter = this.#emitter(run, user);
    await emitter.take();
    return emitter;
  }

  /** Starts a run and gives its writer. */
  async accept(run: string, user = 'ada'): Promise<UserWebSocketEmitter> {
    const emitter = this.#emitter(run, user);
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
    await Promise.allSettled(this.#writing);
    for (const emitter of this.#emitters) await emitter.close();
    const closed = once(this.server, 'close');
    this.server.close();
    await this.#bridge.close();
    await this.store.close();
    this.server.closeAllConnections();
    await closed;
  }

  #emitter(run: string, user: string): UserWebSocketEmitter {
    const context = UserExecutionContext.fromRequest({ userId: user, threadId: 't1', runId: run });
    const emitter = this.#bridge.createUserEmitter(context);
    this.#emitters.push(emitter);
    return emitter;
  }

  /** The one route: whether a caller may come in. */
  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      const { userId: user } = await this.door.authenticate(request);
      response
        .writeHead(200, { 'Content-Type': 'application/json' })
        .end(JSON.stringify({ agents: [{ name: user, version: '1' }] }));
    } catch (error) {
      const known = asEnginehouseError(error, 'INTERNAL');
      response.writeHead(known.status, { 'Content-Type': 'application/json' }).end(JSON.stringify(known));
    }
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
      this.#writing.push(writeDeltas(emitter, deltas).then(() => emitter.emit('agent_completed', { result: deltas })));
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
