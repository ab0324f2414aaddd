/**
 * A runtime in a process of its own, on a durable store, with real doors: for
 * tests that kill it and watch what the next one makes of what is left.
 *
 *   W1. A process that replaces another has the same address, secret and store;
 *       clients come back by themselves and need not know.
 *   W2. It dies by SIGKILL, and that is seen before anything replaces it.
 *   W3. Every wait is bounded, and fails with the last words of the process.
 *   W4. Closing it leaves no process, no folder and no database.
 */

import { sleep, systemClock } from '../../base/clock.ts';
import { EnginehouseError, isEnginehouseError } from '../../base/errors.ts';
import { Scope } from '../../base/scope.ts';
import type { UserId } from '../../context/ids.ts';
import { signToken } from '../../server/token.ts';
import type { StoreOptions } from '../../startup/config.ts';
import { Origin } from '../origin.ts';
import { TEARDOWN_STEP_MS, TEST_LIMITS } from '../test-options.ts';
import { TestUser, type TokenOptions, type UserHome } from '../test-user.ts';
import { OrderedKill } from './ordered-kill.ts';
import { WarmChildren } from './warm-children.ts';
import type { WorkerChild } from './worker-child.ts';
import { configFile, type Death, type Kill, type KillOptions, type WorkerOptions } from './worker-options.ts';
import type { StartOrder, Started, WorkerPoint } from './worker-orders.ts';
import { openWorkerStore, type WorkerStore } from './worker-store.ts';

const HOUR_MS = 3_600_000;
/** Milliseconds from SIGTERM to the end: runs get their drain, the store its last commit. */
const END_MS = 8_000;
/** What is taken away from a dead process, and may be held a moment longer: its port, its database. */
const PASSING: readonly string[] = ['PORT_IN_USE', 'STORE_IN_USE'];
const PASSING_MS = 10_000;
const RETRY_MS = 20;
/** A client sees that its socket is closed a moment before it is known that the process is dead. */
const DEATH_TOLD_MS = 10;

interface WorkerParts {
  readonly children: WarmChildren;
  readonly store: WorkerStore;
  readonly options: WorkerOptions;
  readonly scope: Scope;
  /** Whether the processes are the caller's, who has use for one that served; `used` is for one that did. */
  readonly lent: { readonly used: boolean } | undefined;
}

export class Worker implements UserHome, AsyncDisposable {
  readonly #parts: WorkerParts;
  readonly #secret = `${crypto.randomUUID()}${crypto.randomUUID()}`;
  #child: WorkerChild | undefined;
  #started: Started = { url: '', recoveredRuns: 0, tenantClaim: undefined };
  #ordered: { readonly kill: OrderedKill; readonly done: Promise<Death> } | undefined;
  /** The process that was killed by order, and not replaced. */
  #left: WorkerChild | undefined;
  #inOrder = false;

  private constructor(parts: WorkerParts) {
    this.#parts = parts;
    const { scope, store, children } = parts;
    scope.defer('store', () => store.release({ inOrder: this.#inOrder }), END_MS);
    if (parts.lent === undefined) scope.own('processes', children, END_MS);
    scope.defer('process', () => this.#end(), 2 * END_MS);
  }

  /** Starts a process, and resolves once it serves. @throws `WORKER_FAILED`, `CONFIG_NOT_LOADED`, and what a test database throws */
  static async start(options: WorkerOptions = {}): Promise<Worker> {
    const children = new WarmChildren({ config: configFile(options.config), env: options.env ?? {} });
    // It loads while its store is made.
    children.expect(1);
    try {
      return await Worker.#startOn(children, options, undefined);
    } catch (error) {
      await children[Symbol.asyncDispose]();
      throw error;
    }
  }

  /**
   * The same with processes of somebody else, who expects them and closes them. `used` takes one that served before, if
   * there is one; what replaces it is new in any case. @internal
   */
  static startFrom(children: WarmChildren, options: WorkerOptions, lent: { readonly used: boolean }): Promise<Worker> {
    return Worker.#startOn(children, options, lent);
  }

  static async #startOn(children: WarmChildren, options: WorkerOptions, lent: WorkerParts['lent']): Promise<Worker> {
    const scope = new Scope('worker', { releaseTimeoutMs: TEARDOWN_STEP_MS });
    const store = await openWorkerStore(options.store, configFile(options.config));
    const worker = new Worker({ children, store, options, scope, lent });
    try {
      await worker.restart();
      return worker;
    } catch (error) {
      await scope.close().catch(() => undefined);
      throw error;
    }
  }

  /** Where it listens, whichever process that is. */
  get url(): string {
    return this.#started.url;
  }

  /** Where it keeps things: a folder, or a database. Both are gone after `close()`. */
  get store(): StoreOptions {
    return this.#parts.store.options;
  }

  /** The process that serves now. @throws `CLOSED` while there is none, `WORKER_FAILED` when it died by itself */
  get pid(): number {
    return this.#serving().pid;
  }

  /** How many runs of the process before it were taken up by this one. */
  get recoveredRuns(): number {
    return this.#started.recoveredRuns;
  }

  /** A fresh user with a real token and real sockets, whose connections end with the worker. */
  user(name: string): TestUser {
    const home: UserHome = {
      url: this.url,
      token: async (user, options) => {
        await this.#calm();
        return this.token(user, options);
      },
    };
    const user = new TestUser(name, () => Promise.resolve(home));
    return this.#parts.scope.own(`user ${user.id}`, user);
  }

  token(user: UserId, options: TokenOptions = {}): Promise<string> {
    const { tenantId, roles = ['user'], expiresInMs = HOUR_MS } = options;
    const { tenantClaim } = this.#started;
    return signToken(this.#secret, { userId: user, tenantId, roles, expiresInMs, tenantClaim }, systemClock);
  }

  /** The writes of users that became durable in this process, in order. */
  points(): Promise<readonly WorkerPoint[]> {
    return this.#serving().ask('points', null);
  }

  /**
   * Kills the process with SIGKILL, now or at a point, and puts another one in its place.
   *
   * @throws `KILL_NOT_REACHED` saying which points came, `TEST_KIT_MISUSED` while it is being killed, and what `restart()` throws
   * @example
   * const kill = worker.kill({ at: 'tool_completed' });
   * await kill.armed;
   * const run = (await alice.client()).start('clerk', { order: 7 });
   * await kill;
   * expect((await run.result).status).toBe('completed');
   */
  kill(options: KillOptions = {}): Kill {
    const child = this.#serving();
    if (this.#ordered !== undefined) throw misused('kill', 'the worker is being killed already; await that first');
    const kill = new OrderedKill(child, options, new Origin(this.kill));
    const done = this.#replace(child, kill, options.restart ?? true).finally(() => (this.#ordered = undefined));
    done.catch(() => undefined);
    this.#ordered = { kill, done };
    return Object.assign(done, { armed: kill.armed });
  }

  /** Takes the order to die back. False when there is none, or when it was too late: then it is dead, and replaced. */
  async spare(): Promise<boolean> {
    const ordered = this.#ordered;
    if (ordered === undefined) return false;
    const spared = await ordered.kill.spare('before it was spared');
    if (spared) await ordered.done.catch(() => undefined);
    else await ordered.done;
    return spared;
  }

  /** Resolves once a process serves: at once, or when the one that was killed is replaced. @throws what replacing it threw */
  async up(): Promise<void> {
    if (this.#child?.over === true) await this.#ordered?.done;
  }

  /** Starts a process where the one before is dead. @throws `WORKER_FAILED`, `TEST_KIT_MISUSED` while one serves */
  async restart(): Promise<void> {
    if (this.#child?.over === false) throw misused('restart', 'the worker serves; kill it first');
    const { children, lent } = this.#parts;
    const child = await children.take({ fresh: this.url !== '' || lent?.used !== true });
    try {
      this.#started = await this.#start(child);
    } catch (error) {
      await child[Symbol.asyncDispose]();
      throw error;
    }
    this.#child = child;
    this.#left = undefined;
  }

  /** Stops the process with SIGSTOP: it is there, and does nothing, until `resume()`. */
  pause(): void {
    this.#serving().signal('SIGSTOP');
  }

  resume(): void {
    this.#serving().signal('SIGCONT');
  }

  /**
   * W4. Idempotent.
   *
   * @throws `KILL_NOT_REACHED` when it was to die at a point that never came, `WORKER_FAILED` when its process died or
   * ended with an error by itself, `DEADLINE` when it had to be killed
   */
  close(): Promise<void> {
    return this.#parts.scope.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /**
   * Each connection begins with a token, and a process that is to die makes it wait: until the process knows where, or
   * until another one is in its place. So a client comes back at once, and not when it tries again by chance.
   */
  async #calm(): Promise<void> {
    if (this.#ordered !== undefined) {
      await this.#ordered.kill.armed.catch(() => undefined);
      await sleep(systemClock, DEATH_TOLD_MS);
      await this.up();
    }
    if (this.#diedByItself()) this.#serving();
  }

  async #replace(child: WorkerChild, kill: OrderedKill, restart: boolean): Promise<Death> {
    const { children, lent } = this.#parts;
    const expected = restart && lent === undefined ? 1 : 0;
    children.expect(expected);
    const death = await kill.death.catch((error: unknown) => {
      children.expect(-expected);
      throw error;
    });
    this.#left = child;
    if (restart) await this.restart();
    return death;
  }

  async #start(child: WorkerChild): Promise<Started> {
    const { store, options } = this.#parts;
    const order: StartOrder = {
      store: store.options,
      // W1
      port: Number(URL.parse(this.url)?.port ?? 0),
      secret: this.#secret,
      limits: { ...TEST_LIMITS, ...options.limits },
      log: options.log ?? 'warn',
    };
    const until = systemClock.now() + PASSING_MS;
    for (;;) {
      try {
        return await child.ask('start', order);
      } catch (error) {
        if (!isPassing(error) || this.url === '' || systemClock.now() > until) throw error;
        await sleep(systemClock, RETRY_MS);
      }
    }
  }

  #diedByItself(): boolean {
    const child = this.#child;
    return child?.over === true && child !== this.#left && this.#ordered === undefined;
  }

  #serving(): WorkerChild {
    const child = this.#child;
    if (child?.over === false) return child;
    if (child !== undefined && this.#diedByItself()) throw child.failure('serve', new Error(`${child.how}, by itself`));
    throw new EnginehouseError('CLOSED', 'no process of the worker serves; restart() starts one', { what: 'worker' });
  }

  async #end(): Promise<void> {
    const [child, ordered] = [this.#child, this.#ordered];
    if (child === undefined) return;
    // One that is stopped answers nothing.
    if (!child.over) child.signal('SIGCONT');
    const spared = await ordered?.kill.spare('before the worker was closed');
    if (ordered !== undefined && spared !== true) await ordered.done.catch(() => undefined);
    const last = this.#child;
    if (this.#diedByItself()) this.#serving();
    if (last?.over === false) await this.#endLast(last);
    this.#inOrder = last !== this.#left;
    if (spared === true) await ordered?.kill.death;
  }

  async #endLast(child: WorkerChild): Promise<void> {
    if (this.#parts.lent === undefined) return child.close(END_MS);
    await child.ask('stop', null);
    this.#parts.children.giveBack(child);
  }
}

function isPassing(error: unknown): boolean {
  return (
    isEnginehouseError(error, 'WORKER_FAILED') && isEnginehouseError(error.cause) && PASSING.includes(error.cause.code)
  );
}

function misused(part: string, message: string): EnginehouseError {
  return new EnginehouseError('TEST_KIT_MISUSED', message, { part });
}
