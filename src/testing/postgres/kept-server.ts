/**
 * A private server as one process holds it, for as long as that process wants it.
 *
 *   H1. It is there when `hold` resolves, started if nobody had it. Processes that
 *       ask at the same time get the same one.
 *   H2. When its keeper is killed another one takes it over, in the background.
 *   H3. Holding it keeps no process open.
 */

import { sleep, systemClock } from '../../base/clock.ts';
import { withDeadline } from '../../base/deadline.ts';
import { EnginehouseError, reviveError } from '../../base/errors.ts';
import { keepAlive } from '../../base/keep-alive.ts';
import { KeeperLine } from './keeper-line.ts';
import { StartedKeeper } from './keeper-start.ts';
import { makeHome, type ServerPlace } from './server-place.ts';
import { readState, type ServerState } from './server-state.ts';
import type { ServerOrder } from './start-server.ts';

const START_MS = 120_000;
const LOOK_MS = 10;

export interface HoldOptions {
  /** Milliseconds that the server lives on when nobody holds it any more. The longest that anybody asked for counts. */
  readonly graceMs: number;
  /** Called once when the server is gone although it was held. */
  readonly lost: () => void;
}

export class KeptServer {
  readonly state: ServerState;
  readonly #order: ServerOrder;
  readonly #options: HoldOptions;
  #line: KeeperLine;
  #holding: Promise<boolean> = Promise.resolve(true);
  #closing: Promise<void> | undefined;

  /** @throws `POSTGRES_NOT_STARTED` with what its programs said, or `DEADLINE` after two minutes. */
  static async hold(order: ServerOrder, options: HoldOptions): Promise<KeptServer> {
    const letGo = keepAlive();
    try {
      await makeHome(order.place, order.user);
      const { line, state } = await holdLine(order, options.graceMs);
      return new KeptServer(order, options, line, state);
    } finally {
      letGo();
    }
  }

  private constructor(order: ServerOrder, options: HoldOptions, line: KeeperLine, state: ServerState) {
    this.#order = order;
    this.#options = options;
    this.#line = line;
    this.state = state;
    this.#watch();
  }

  /** Lets the server go. It ends a grace after the last one did. */
  close(): Promise<void> {
    return (this.#closing ??= this.#line.close());
  }

  /** Whether it is still the same server; decided once it is known what became of a keeper that went away. */
  isThere(): Promise<boolean> {
    return this.#holding;
  }

  #watch(): void {
    void this.#line.closed.then(() => {
      if (this.#closing === undefined) this.#holding = this.#holdAgain();
    });
  }

  async #holdAgain(): Promise<boolean> {
    const line = await this.#takenOver().catch(() => undefined);
    if (line === undefined) {
      this.#options.lost();
      return false;
    }
    this.#line = line;
    this.#watch();
    // Let go in the meantime, the new line is closed as the old one was.
    if (this.#closing !== undefined) await line.close();
    return true;
  }

  /** A line to another keeper of the same server; `undefined` when that is gone. */
  async #takenOver(): Promise<KeeperLine | undefined> {
    // A keeper that ends in order takes the folder with it; one that was killed leaves the server behind.
    const left = await readState(this.#order.place.folder);
    if (left?.data !== this.state.data) return undefined;
    const { line, state } = await holdLine(this.#order, this.#options.graceMs);
    if (state.data === this.state.data) return line;
    await line.close();
    return undefined;
  }
}

interface Held {
  readonly line: KeeperLine;
  readonly state: ServerState;
}

async function holdLine(order: ServerOrder, graceMs: number): Promise<Held> {
  const until = systemClock.now() + START_MS;
  let keeper: StartedKeeper | undefined;
  try {
    for (;;) {
      const held = await askToHold(order.place, graceMs, until);
      if (held !== undefined) return held;
      keeper?.throwIfFailed();
      if (keeper === undefined || keeper.ended) {
        keeper?.letGo();
        keeper = new StartedKeeper(order);
      }
      if (systemClock.now() > until) throw tooLate();
      await sleep(systemClock, LOOK_MS);
    }
  } finally {
    keeper?.letGo();
  }
}

/** Resolves with `undefined` when there is no keeper now, or one that is about to end. */
async function askToHold(place: ServerPlace, graceMs: number, until: number): Promise<Held | undefined> {
  const line = await KeeperLine.open(place.keeperAddress);
  if (line === undefined) return undefined;
  try {
    const leftMs = Math.max(1, until - systemClock.now());
    const answer = await withDeadline(STARTING, leftMs, systemClock, line.ask({ say: 'hold', graceMs }));
    if (answer?.say === 'ready') return { line, state: answer.server };
    if (answer?.say === 'failed') throw reviveError(answer.error);
    return undefined;
  } catch (error) {
    await line.close();
    throw error;
  }
}

const STARTING = 'starting a PostgreSQL server for tests';

function tooLate(): EnginehouseError {
  const message = `${STARTING} did not end within ${START_MS} ms`;
  return new EnginehouseError('DEADLINE', message, { what: STARTING, timeoutMs: START_MS });
}
