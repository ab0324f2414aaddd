import { defineAgent } from '../../src/agent/define-agent.ts';
import { connect, type AgentEvent, type ClientRun, type EnginehouseClient } from '../../src/client/index.ts';
import { signToken } from '../../src/server/token.ts';
import type { EnginehouseConfig } from '../../src/startup/config.ts';
import type { EnginehouseRuntime } from '../../src/startup/runtime.ts';
import { startup } from '../../src/startup/startup.ts';
import { Activity } from '../../src/testing/activity.ts';
import { HttpRequests } from '../../src/testing/http-requests.ts';
import { UserSockets } from '../../src/testing/sockets/user-sockets.ts';
import { StoreTap } from '../../src/testing/tap/store-tap.ts';
import { TestClock } from '../../src/testing/test-clock.ts';
import { ownStore } from './own-store.ts';

const SECRET = 'a secret of more than thirty-two bytes';
const MONTH_MS = 30 * 86_400_000;

/** What a client saw of a run, each event with the milliseconds since it was sent for. */
export interface Watched {
  readonly seen: string[];
  status: string | undefined;
}

/** A real runtime whose clock knows what is under way in it, and one user's real connection on the same clock. */
export class ClockedHouse implements AsyncDisposable {
  readonly clock: TestClock;
  readonly activity: Activity;
  readonly runtime: EnginehouseRuntime;
  readonly sockets: UserSockets;
  readonly #requests: HttpRequests;
  readonly #clients: EnginehouseClient[] = [];

  private constructor(parts: Pick<ClockedHouse, 'clock' | 'activity' | 'runtime'>) {
    this.clock = parts.clock;
    this.activity = parts.activity;
    this.runtime = parts.runtime;
    this.sockets = new UserSockets({ name: 'ada', clock: this.clock });
    this.#requests = HttpRequests.open(Number(new URL(this.url).port));
    this.activity.add(this.sockets);
    this.activity.add(this.#requests);
    this.clock.settleBy(this.activity);
  }

  static async open(config: Partial<EnginehouseConfig> = {}): Promise<ClockedHouse> {
    const [clock, tap] = [TestClock.real({ keepOrigins: true }), new StoreTap()];
    const settled: EnginehouseConfig = {
      agents: [],
      store: await ownStore(),
      auth: { secret: SECRET },
      server: { port: 0 },
      log: 'silent',
      ...config,
      // Runs that a test leaves behind are not waited for.
      limits: { drainTimeoutMs: 20, cancelGraceMs: 20, ...config.limits },
    };
    const seams = { clock, aroundStore: (store: Parameters<StoreTap['around']>[0]) => tap.around(store) };
    const runtime = await startup(settled, { env: {}, seams });
    return new ClockedHouse({ clock, activity: new Activity([tap]), runtime });
  }

  get url(): string {
    return this.runtime.address?.url ?? '';
  }

  token(expiresInMs = MONTH_MS): Promise<string> {
    return signToken(SECRET, { userId: 'ada', expiresInMs }, this.clock);
  }

  /** A connection that is open. */
  async client(): Promise<EnginehouseClient> {
    const [token, { clock, url }] = [await this.token(), this];
    const { openWebSocket: webSocket } = this.sockets;
    const client = connect({ url, token, clock, webSocket });
    this.#clients.push(client);
    await this.clock.settled();
    return client;
  }

  /** Sees a run from afar, as a page would: nothing here is awaited. */
  watch(run: ClientRun): Watched {
    const watched: Watched = { seen: [], status: undefined };
    const sentAt = this.clock.now();
    const look = async (): Promise<void> => {
      for await (const event of run) watched.seen.push(`${event.type} +${(event as AgentEvent).at - sentAt}`);
      watched.status = (await run.result).status;
    };
    look().catch((error: unknown) => watched.seen.push(String(error)));
    return watched;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.clock.release();
    this.#requests.close();
    await Promise.all(this.#clients.map((client) => client.close()));
    await this.sockets.close();
    await this.runtime.close();
  }
}

/** Hangs until its signal aborts, and answers how that was called. */
export const patient = defineAgent({
  name: 'patient',
  run: ({ signal }) =>
    new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason), { once: true })),
});
