/**
 * The keeper of one private server: it starts it or takes it over, counts who
 * wants it, and ends it when nobody has for a while. It is a process of its own
 * (keeper-process.ts), because whoever asked first may be killed at any moment.
 *
 *   K1. Who holds a connection to it wants the server. The operating system closes
 *       the connections of a process that ends, however it ends.
 *   K2. When the last connection closes, the server lives on for the longest
 *       grace that anybody asked for; then it is ended and its folder removed.
 *   K3. A server that a killed keeper left is taken over when it answers and is of
 *       the version that is wanted. Otherwise it is ended, and a fresh one started.
 *   K4. A start that failed is told to all who wait for it; then the keeper ends, and
 *       the next who comes starts another.
 */

import { chmod, mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createServer, type Server, type Socket } from 'node:net';
import { once } from 'node:events';

import { type Disarm, holdingClock } from '../../base/clock.ts';
import { asEnginehouseError } from '../../base/errors.ts';
import { versionIn } from './binaries.ts';
import { hear, tell, type ToKeeper } from './keeper-language.ts';
import { clearPlace } from './place-lock.ts';
import { readState, type ServerState } from './server-state.ts';
import { probeAt, type ServerOrder, startServer } from './start-server.ts';

/** The grace until somebody asks for another: whoever started this keeper may have died before it could say a word. */
const FIRST_GRACE_MS = 10_000;

export class Keeper {
  /** Resolves when the server has ended and its folder is gone. */
  readonly ended: Promise<void>;
  readonly #order: ServerOrder;
  readonly #door: Server;
  readonly #visitors = new Set<Socket>();
  readonly #end: { readonly resolve: () => void; readonly reject: (reason: unknown) => void };
  #server: Promise<ServerState> | undefined;
  #graceMs: number | undefined;
  #disarm: Disarm = () => undefined;
  #ending: Promise<void> | undefined;

  constructor(order: ServerOrder) {
    this.#order = order;
    this.#door = createServer((visitor) => this.#welcome(visitor));
    const { promise, ...end } = Promise.withResolvers<void>();
    this.ended = promise;
    this.#end = end;
  }

  /** Takes the place over and opens the door. Called by the one who has taken it. */
  async open(): Promise<void> {
    const { folder, keeperAddress } = this.#order.place;
    const left = await this.#takeOver();
    if (left === undefined) await clearPlace(this.#order.place);
    else await rm(keeperAddress, { force: true });
    await mkdir(folder, { recursive: true });
    await chmod(folder, this.#order.user === undefined ? 0o700 : 0o711);
    await writeFile(join(folder, 'keeper.pid'), `${process.pid}\n`);
    this.#door.listen(keeperAddress);
    await once(this.#door, 'listening');
    this.#server = left === undefined ? this.#start() : Promise.resolve(left);
    // Whoever waits is told; nobody may wait.
    this.#server.catch(() => this.end());
    this.#waitForVisitors();
  }

  /** Ends the server and removes its folder. Safe to call twice. */
  end(): void {
    this.#ending ??= this.#close().then(this.#end.resolve, this.#end.reject);
  }

  async #takeOver(): Promise<ServerState | undefined> {
    const { place, binaries } = this.#order;
    const state = await readState(place.folder);
    if (state === undefined) return undefined;
    const probed = await probeAt(place, state.port);
    if (probed.is !== 'ready') return undefined;
    const { version = binaries.version } = probed;
    return versionIn(version) === binaries.version ? state : undefined;
  }

  async #start(): Promise<ServerState> {
    const { state, ended } = await startServer(this.#order);
    void ended.then(() => this.end());
    return state;
  }

  #welcome(visitor: Socket): void {
    this.#disarm();
    this.#visitors.add(visitor);
    // A killed process may reset its connections; 'close' follows.
    visitor.on('error', () => undefined);
    visitor.once('close', () => {
      this.#visitors.delete(visitor);
      this.#waitForVisitors();
    });
    void this.#serve(visitor);
  }

  async #serve(visitor: Socket): Promise<void> {
    const line = await hear(visitor);
    if (line === undefined) return;
    // The parse boundary: only this user can enter the folder of the socket, and speaks the same version.
    const message = JSON.parse(line) as ToKeeper;
    if (message.say === 'stop') {
      this.#stop(visitor, message.now);
      return;
    }
    this.#graceMs = Math.max(this.#graceMs ?? 0, message.graceMs);
    try {
      const server = await this.#server;
      // Without an answer it comes again, to the next keeper.
      if (server === undefined || this.#ending !== undefined) visitor.destroy();
      else tell(visitor, { say: 'ready', server });
    } catch (error) {
      tell(visitor, { say: 'failed', error: asEnginehouseError(error, 'INTERNAL').toJSON() });
    }
  }

  #stop(visitor: Socket, now: boolean): void {
    const by = this.#visitors.size - 1;
    if (now || by === 0) {
      this.end();
      return;
    }
    this.#graceMs = 0;
    tell(visitor, { say: 'held', by });
  }

  #waitForVisitors(): void {
    this.#disarm();
    if (this.#visitors.size > 0 || this.#ending !== undefined) return;
    this.#disarm = holdingClock.after(this.#graceMs ?? FIRST_GRACE_MS, () => this.end());
  }

  async #close(): Promise<void> {
    this.#disarm();
    this.#door.close();
    await this.#server?.catch(() => undefined);
    await clearPlace(this.#order.place);
    for (const visitor of this.#visitors) visitor.destroySoon();
  }
}
