/** One play of a scenario on a fresh worker, with or without a crash. */

import { sleep, systemClock } from '../../base/clock.ts';
import { withDeadline } from '../../base/deadline.ts';
import { isEnginehouseError } from '../../base/errors.ts';
import type { TestUser } from '../test-user.ts';
import type { CrashScenario, ResolvedSweep } from './sweep-options.ts';
import { readStory, untilEnded, type Story, type StoryOptions } from './sweep-story.ts';
import type { WarmChildren } from './warm-children.ts';
import { Worker } from './worker.ts';
import type { CrashMoment, WorkerPoint } from './worker-orders.ts';

/** Between a request that was lost and the next. */
const AGAIN_MS = 10;

export interface Crash {
  readonly n: number;
  readonly when: CrashMoment;
}

export interface Played {
  readonly story: Story;
  /** The durable points, when nothing was killed. */
  readonly points: readonly WorkerPoint[];
  /** Where the process died. */
  readonly died: WorkerPoint | undefined;
  readonly ms: number;
}

export class Play<Answer> {
  readonly #scenario: CrashScenario<Answer>;
  readonly #options: ResolvedSweep;
  readonly #children: WarmChildren;
  readonly #users = new Map<string, TestUser>();

  constructor(scenario: CrashScenario<Answer>, options: ResolvedSweep, children: WarmChildren) {
    this.#scenario = scenario;
    this.#options = options;
    this.#children = children;
  }

  /** Plays it once; `used` takes a process that played before. @throws what the scenario throws, `DEADLINE`, and what a worker throws */
  async once(crash?: Crash, used = false): Promise<Played> {
    const startedAt = performance.now();
    const worker = await Worker.startFrom(this.#children, this.#options.worker, { used });
    let played: Omit<Played, 'ms'>;
    try {
      played = await this.#on(worker, crash);
    } catch (error) {
      await worker.spare().catch(() => undefined);
      await worker.close().catch(() => undefined);
      throw error;
    }
    await worker.close();
    return { ...played, ms: performance.now() - startedAt };
  }

  async #on(worker: Worker, crash: Crash | undefined): Promise<Omit<Played, 'ms'>> {
    const { timeoutMs } = this.#options;
    // It must not give up before the scenario does.
    const kill = crash && worker.kill({ at: { point: crash.n }, when: crash.when, timeoutMs: 3 * timeoutMs });
    await kill?.armed;
    const user = (name: string): TestUser => this.#user(worker, name);
    const answer = await this.#bounded('the scenario', this.#scenario({ worker, user }));
    await this.#calmly(worker, 'the end of every run', untilEnded);
    const died = kill === undefined || (await worker.spare()) ? undefined : (await kill).point;
    if (died !== undefined) await this.#calmly(worker, 'the end of every run after the crash', untilEnded);
    const points = crash === undefined ? await worker.points() : [];
    const story = await this.#calmly(worker, 'the logs of every run', (options) => readStory(answer, options));
    return { story, points: points.map((point) => this.#named(point)), died: died && this.#named(died) };
  }

  #user(worker: Worker, name: string): TestUser {
    const user = worker.user(name);
    const nth = [...this.#users.keys()].filter((known) => known === name || known.startsWith(`${name} `)).length + 1;
    this.#users.set(nth === 1 ? name : `${name} ${nth}`, user);
    return user;
  }

  /** With the user's name in the place of an id. */
  #named(point: WorkerPoint): WorkerPoint {
    const [name = point.user] = [...this.#users].find(([, { id }]) => id === point.user) ?? [];
    return { ...point, user: name };
  }

  /** The process may die while it is asked: then it is asked again. */
  #calmly<T>(worker: Worker, what: string, ask: (options: StoryOptions) => Promise<T>): Promise<T> {
    const options = { users: this.#users, mask: this.#options.mask };
    const until = systemClock.now() + this.#options.timeoutMs;
    const again = async (): Promise<T> => {
      try {
        return await ask(options);
      } catch (error) {
        if (!isEnginehouseError(error, 'DISCONNECTED') || systemClock.now() > until) throw error;
        await sleep(systemClock, AGAIN_MS);
        await worker.up();
        return again();
      }
    };
    return this.#bounded(what, again());
  }

  #bounded<T>(what: string, work: Promise<T>): Promise<T> {
    return withDeadline(what, this.#options.timeoutMs, systemClock, work);
  }
}
