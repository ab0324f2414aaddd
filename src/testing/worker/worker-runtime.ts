/**
 * A worker as its own process sees it: it loads the tested application, starts
 * the real runtime on a durable store, and does what the test's process says.
 *
 *   R1. It starts as production does, by `startup()`; nothing stands around the
 *       store but a tap that sees its writes.
 *   R2. It does not outlive the process that started it, and neither does its folder.
 */

import { rmSync } from 'node:fs';
import { flushCompileCache } from 'node:module';

import { asEnginehouseError, EnginehouseError } from '../../base/errors.ts';
import type { EnginehouseConfig } from '../../startup/config.ts';
import { loadConfig } from '../../startup/load-config.ts';
import type { EnginehouseRuntime } from '../../startup/runtime.ts';
import { startup } from '../../startup/startup.ts';
import { StoreTap } from '../tap/store-tap.ts';
import { CrashPoints } from './crash-points.ts';
import type { AnswerMessage, OrderMessage, OrderName, StartOrder, Started, WorkerOrders } from './worker-orders.ts';

type Orders = { readonly [Name in OrderName]: (order: never) => Promise<unknown> };

class WorkerRuntime {
  #config: EnginehouseConfig | undefined;
  #runtime: EnginehouseRuntime | undefined;
  #points: CrashPoints | undefined;
  #folder: string | undefined;

  readonly #orders: Orders = {
    load: ({ config }: WorkerOrders['load']['order']) => this.#load(config),
    start: (order: StartOrder) => this.#start(order),
    arm: async (order: WorkerOrders['arm']['order']) => {
      this.#started().arm(order);
      return null;
    },
    stop: async () => {
      await this.close();
      return null;
    },
    disarm: async () => this.#started().disarm(),
    points: async () => this.#started().all(),
  };

  /** Carries one order out. Never rejects. */
  async obey({ id, name, order }: OrderMessage): Promise<AnswerMessage> {
    try {
      // The parse boundary: the order was made by the same house, under this name.
      return { id, answer: await this.#orders[name](order as never) };
    } catch (error) {
      return { id, error: asEnginehouseError(error, 'INTERNAL').toJSON() };
    }
  }

  /** As production closes: running runs get a moment, the rest goes on at the next start. */
  async close(): Promise<void> {
    const runtime = this.#runtime;
    this.#runtime = undefined;
    this.#points = undefined;
    await runtime?.close();
  }

  /** R2. Nobody is left whom a proper end would serve. */
  leave(): never {
    try {
      if (this.#folder !== undefined) rmSync(this.#folder, { recursive: true, force: true });
    } finally {
      process.kill(process.pid, 'SIGKILL');
    }
    throw new Error('a process that was killed goes on');
  }

  async #load(file: string): Promise<null> {
    this.#config = await loadConfig(file);
    // A process that is killed would leave nothing for the next one to start from.
    flushCompileCache();
    return null;
  }

  async #start({ store, port, secret, limits, log }: StartOrder): Promise<Started> {
    const config = this.#config;
    if (config === undefined) throw notReady();
    this.#folder = store.path;
    const tap = new StoreTap();
    const runtime = await startup(
      {
        ...config,
        limits: { ...config.limits, ...limits },
        store,
        server: { ...config.server, listen: true, host: '127.0.0.1', port },
        auth: { ...config.auth, secret },
        log,
      },
      { env: {}, seams: { aroundStore: (real) => tap.around(real) } },
    );
    this.#runtime = runtime;
    this.#points = new CrashPoints(tap, runtime.factory.house);
    const { recoveredRuns, address } = runtime;
    return { url: address?.url ?? '', recoveredRuns, tenantClaim: config.auth?.tenantClaim };
  }

  #started(): CrashPoints {
    if (this.#points === undefined) throw notReady();
    return this.#points;
  }
}

function notReady(): EnginehouseError {
  return new EnginehouseError('TEST_KIT_MISUSED', 'the worker is not started', { part: 'worker' });
}

/** Serves the process that started this one, until that ends, or says SIGTERM. */
export function serveParent(): void {
  const worker = new WorkerRuntime();
  const answer = (message: AnswerMessage): void => {
    if (process.connected) process.send?.(message);
  };
  process.on('message', (message) => void worker.obey(message as OrderMessage).then(answer));
  process.on('disconnect', () => worker.leave());
  process.once('SIGTERM', () => {
    void worker.close().then(
      () => process.exit(0),
      (error: unknown) => {
        console.error(error);
        process.exit(1);
      },
    );
  });
}
