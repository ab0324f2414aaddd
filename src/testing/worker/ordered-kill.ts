import { systemClock } from '../../base/clock.ts';
import { withDeadline } from '../../base/deadline.ts';
import { isEnginehouseError, type EnginehouseError } from '../../base/errors.ts';
import type { Origin } from '../origin.ts';
import type { WorkerChild } from './worker-child.ts';
import type { Death, KillOptions } from './worker-options.ts';
import type { CrashMoment, CrashPlace, WorkerPoint } from './worker-orders.ts';

const KILL_MS = 20_000;

/** The death of one process, from the order to the proof. */
export class OrderedKill {
  /** Resolves once the process knows where it is to die. */
  readonly armed: Promise<void>;
  /** Resolves when it is dead. @throws `KILL_NOT_REACHED`, `WORKER_FAILED` when it died otherwise */
  readonly death: Promise<Death>;
  readonly #child: WorkerChild;
  readonly #options: KillOptions;
  readonly #said: Origin;
  readonly #spared = Promise.withResolvers<never>();

  /** `said` is the line that asked for it. */
  constructor(child: WorkerChild, options: KillOptions, said: Origin) {
    const { at = 'now', when = 'durable' } = options;
    this.#child = child;
    this.#options = options;
    this.#said = said;
    this.armed = at === 'now' ? Promise.resolve() : child.ask('arm', { at, when }).then(() => undefined);
    this.death = this.#die();
    // Whoever does not await them is told by what fails then.
    for (const promise of [this.armed, this.death, this.#spared.promise]) promise.catch(() => undefined);
  }

  /** Takes the order back, for this reason. False when it is too late. */
  async spare(why: string): Promise<boolean> {
    if (this.#child.over) return false;
    const came = await this.#child.ask('disarm', null).catch(() => undefined);
    if (came === undefined) return false;
    this.#spared.reject(this.#notReached(came, why));
    return true;
  }

  async #die(): Promise<Death> {
    const { at = 'now' } = this.#options;
    await this.armed;
    if (at === 'now') this.#child.signal('SIGKILL');
    const { signal, point } = await this.#end();
    const byOrder = signal === 'SIGKILL' && (at === 'now' || point !== undefined);
    if (!byOrder) throw this.#child.failure('kill', new Error(`${this.#child.how}, and not by the order to die`));
    return { pid: this.#child.pid, point };
  }

  async #end() {
    const { timeoutMs = KILL_MS } = this.#options;
    const { ended } = this.#child;
    try {
      return await withDeadline('the kill', timeoutMs, systemClock, Promise.race([ended, this.#spared.promise]));
    } catch (error) {
      if (!isEnginehouseError(error, 'DEADLINE')) throw error;
      if (await this.spare(`within ${timeoutMs} ms`)) return this.#spared.promise;
      // It died in the last moment, or it does not even hear.
      if (this.#child.over) return ended;
      throw this.#child.failure('kill', error);
    }
  }

  #notReached(points: readonly WorkerPoint[], why: string): EnginehouseError<'KILL_NOT_REACHED'> {
    const { at = 'now', when = 'durable' } = this.#options;
    const place = at === 'now' ? at : shownPlace(at, when);
    const came = points.map(({ n, user, description }) => `${n} ${description} of ${user}`);
    const list = came.length === 0 ? 'no user wrote anything' : `there came:\n  ${came.join('\n  ')}`;
    const message = `the worker was to die ${place}, which did not come ${why}; ${list}`;
    return this.#said.error('KILL_NOT_REACHED', message, { at: place, came });
  }
}

/** For a person: where a process is to die. */
function shownPlace(at: CrashPlace, when: CrashMoment): string {
  const place = typeof at === 'string' ? at : `write ${at.point} of users`;
  return when === 'before' ? `before ${place}` : `after ${place} is durable`;
}
