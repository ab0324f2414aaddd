/**
 * Carries the log of every run to those who follow it: sockets of the run's
 * owner, and followers inside the process. It holds no events of its own.
 *
 *   B1. Everything is keyed by owner and run. There is no call, and no frame,
 *       that reads a run without its owner.
 *   B2. What it shows is durable: the writer tells it of a new head after the
 *       commit, and what is shown comes from that commit or from the store.
 *   B3. A user is signed in before the upgrade, or there is no upgrade.
 *   B4. `close()` ends every connection and every follower in bounded time.
 *
 * A connection is `socket-session.ts`; what a run's followers share is
 * `live-run.ts`; the writer of a run is `event/user-websocket-emitter.ts`.
 */

import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';

import { WebSocketServer, type WebSocket } from 'ws';

import type { Clock } from '../base/clock.ts';
import { withDeadline } from '../base/deadline.ts';
import { asEnginehouseError, EnginehouseError } from '../base/errors.ts';
import type { Ids } from '../base/ids.ts';
import type { Log } from '../base/log.ts';
import type { ResourceRegistry } from '../base/resource-registry.ts';
import type { AgentEvent } from '../context/event.ts';
import type { Owner, RunId } from '../context/ids.ts';
import type { Limits } from '../context/limits.ts';
import type { UserExecutionContext } from '../context/user-execution-context.ts';
import { CLOSE, SUBPROTOCOL } from '../context/wire.ts';
import type { EventBridge } from '../event/event-bridge.ts';
import type { Store } from '../event/store.ts';
import { UserWebSocketEmitter } from '../event/user-websocket-emitter.ts';
import { Connections } from './connections.ts';
import { followRun } from './follow-run.ts';
import { LiveRuns } from './live-runs.ts';
import { frameInvalid } from './parse-frame.ts';
import { Pulse } from './pulse.ts';
import { refuseUpgrade } from './refuse-upgrade.ts';
import type { SocketDoor } from './socket-door.ts';
import { SocketSession, type SessionDeps, type SessionIdentity } from './socket-session.ts';
import { tellError } from './tell-error.ts';

export interface BridgeDeps {
  readonly store: Store;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly limits: Limits;
  readonly resources: ResourceRegistry;
  /** Names this process in the leases of the runs that it writes. */
  readonly holder: string;
  /** @default nothing is told */
  readonly log?: Log | undefined;
}

export interface BridgeHealth {
  readonly connections: number;
  readonly subscriptions: number;
  readonly followers: number;
}

/** What a connection gets to take its last events when the bridge closes. */
const DRAIN_MS = 1_000;

export class AgentWebSocketBridge implements EventBridge, AsyncDisposable {
  readonly #deps: BridgeDeps;
  readonly #log: Log;
  readonly #runs: LiveRuns;
  readonly #connections = new Connections();
  readonly #pulse: Pulse;
  readonly #attached = new Set<AsyncDisposable>();
  readonly #life = new AbortController();
  readonly #wss: WebSocketServer;
  #followers = 0;
  #closing: Promise<void> | undefined;

  constructor(deps: BridgeDeps) {
    this.#deps = deps;
    this.#log = deps.log ?? (() => undefined);
    this.#runs = new LiveRuns(deps.store);
    this.#pulse = new Pulse(deps.limits.pingMs, deps.clock, deps.resources);
    this.#wss = new WebSocketServer({
      noServer: true,
      clientTracking: false,
      // 234 KB a connection and five times the CPU, and a way in for CRIME.
      perMessageDeflate: false,
      maxPayload: deps.limits.frameBytes,
      handleProtocols: (offered) => (offered.has(SUBPROTOCOL) ? SUBPROTOCOL : false),
    });
  }

  /** The writer of the context's run, and of nothing else. Those who follow the run are told of each commit. */
  createUserEmitter(context: UserExecutionContext): UserWebSocketEmitter {
    const { store, clock, limits, resources, holder } = this.#deps;
    return new UserWebSocketEmitter(context, {
      store: store.for(context),
      clock,
      limits,
      resources,
      holder,
      advanced: this.#runs.advancerOf(context, context.runId),
    });
  }

  /**
   * Follows one run of `owner` from after `after`: batches of events in order,
   * those that exist and then those that come, up to and with the terminal one.
   * Ends at once for an unknown or foreign run.
   *
   * @throws the signal's reason when it aborts, `CLOSED` when the bridge closes, and what the store throws.
   */
  async *follow(
    owner: Owner,
    runId: RunId,
    after = 0,
    signal?: AbortSignal,
  ): AsyncGenerator<readonly AgentEvent[], void> {
    const given = this.#deps.resources.opened('follower', runId, owner.userId);
    this.#followers += 1;
    try {
      using held = this.#runs.hold(owner, runId);
      yield* followRun(held.run, after, signal === undefined ? [this.#life.signal] : [this.#life.signal, signal]);
    } finally {
      this.#followers -= 1;
      given();
    }
  }

  /**
   * Serves sockets on `door.path` of an existing HTTP server. Upgrades of other
   * paths are left to other listeners, and refused when there are none.
   * Disposing it takes no more; connections that are open go on.
   */
  attach(server: Server, door: SocketDoor): AsyncDisposable {
    if (this.#closing !== undefined) throw closed();
    const { clock, limits, resources } = this.#deps;
    const given = resources.opened('listener', `upgrade ${door.path}`);
    const deps: SessionDeps = {
      door,
      runs: this.#runs,
      pulse: this.#pulse,
      clock,
      limits,
      resources,
      log: this.#log,
      closed: (session) => this.#connections.remove(session),
    };
    const upgrade = (request: IncomingMessage, socket: Duplex, head: Buffer): void => {
      if (pathOf(request) === door.path) void this.#upgrade(deps, request, socket, head);
      else if (server.listenerCount('upgrade') === 1) this.#refuse(socket, unknownPath(request));
    };
    server.on('upgrade', upgrade);
    const attached: AsyncDisposable = {
      [Symbol.asyncDispose]: async () => {
        server.off('upgrade', upgrade);
        this.#attached.delete(attached);
        given();
      },
    };
    this.#attached.add(attached);
    return attached;
  }

  health(): BridgeHealth {
    const { size, subscriptions } = this.#connections;
    return { connections: size, subscriptions, followers: this.#followers };
  }

  /** Closes every connection of a user who signed out or may no longer come in, with 4401. */
  async closeUser(owner: Owner): Promise<void> {
    const sessions = this.#connections.allOf(owner);
    const reason = 'the user was signed out';
    for (const session of sessions)
      session.refuse(CLOSE.unauthenticated, new EnginehouseError('UNAUTHENTICATED', reason, { reason }));
    await Promise.all(sessions.map((session) => session.over));
  }

  /** Takes no more connections, sends what is known, closes each with 1012 and ends the followers with `CLOSED`. Idempotent. */
  close(): Promise<void> {
    return (this.#closing ??= this.#close());
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    for (const attached of this.#attached) await attached[Symbol.asyncDispose]();
    this.#life.abort(closed());
    const sessions = this.#connections.all();
    // Spread over a second per thousand, so that all of them do not come back at once.
    const inMs = [500, 1_000 + sessions.length] as const;
    await Promise.all(sessions.map((session) => session.drain(inMs, DRAIN_MS)));
  }

  /** B3. Never rejects. */
  async #upgrade(deps: SessionDeps, request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    const ignore = (): void => undefined;
    socket.on('error', ignore);
    try {
      const { clock, limits, door } = deps;
      const principal = await withDeadline('signing in', limits.helloTimeoutMs, clock, door.authenticate(request));
      if (this.#closing !== undefined)
        throw new EnginehouseError('DRAINING', 'the server is closing', {}, { retryAfterMs: 1_000 });
      if (socket.destroyed) return;
      socket.off('error', ignore);
      const peerPort = deps.resources.keepsOrigins ? request.socket.remotePort : undefined;
      this.#wss.handleUpgrade(request, socket, head, (opened) =>
        this.#connected(opened, { principal, peerPort }, deps),
      );
    } catch (error) {
      this.#refuse(socket, error);
    }
  }

  #refuse(socket: Duplex, thrown: unknown): void {
    const { status } = asEnginehouseError(thrown, 'INTERNAL');
    refuseUpgrade(socket, status, tellError(thrown, this.#log, { what: 'an upgrade' }));
  }

  #connected(socket: WebSocket, peer: Pick<SessionIdentity, 'principal' | 'peerPort'>, deps: SessionDeps): void {
    const { ids, limits } = this.#deps;
    const user = this.#connections.of(peer.principal);
    const full = user.sessions.size >= limits.socketsPerUser;
    const session = new SocketSession(socket, { ...peer, id: ids.next(), count: user }, deps);
    user.sessions.add(session);
    session.start();
    if (socket.protocol !== SUBPROTOCOL) {
      session.refuse(CLOSE.noCommonVersion, frameInvalid(`the subprotocol ${SUBPROTOCOL} is required`));
    } else if (full) {
      const max = limits.socketsPerUser;
      const message = `a user has at most ${max} connections at once`;
      session.refuse(CLOSE.limits, new EnginehouseError('LIMIT_REACHED', message, { limit: 'socketsPerUser', max }));
    }
  }
}

function pathOf(request: IncomingMessage): string {
  return (request.url ?? '/').split('?', 1)[0] ?? '/';
}

function unknownPath(request: IncomingMessage): EnginehouseError {
  const path = pathOf(request);
  return new EnginehouseError('NOT_FOUND', `there is no socket at ${path}`, { what: 'socket', id: path });
}

function closed(): EnginehouseError {
  return new EnginehouseError('CLOSED', 'the bridge is closed', { what: 'bridge' });
}
