/**
 * A scenario, played once for each of its durable points with a crash there: a
 * real process, killed with SIGKILL, a fresh store each time, clients that are
 * told nothing.
 *
 *   S1. However it crashes, the scenario ends: it resolves with the same answer,
 *       and every run has one terminal event and the same timeline.
 *   S2. What a takeover adds is no difference: later attempts, `step_reset`, the
 *       second beginning of an idempotent tool, places in the queue; ids, times,
 *       and the order of what ran at once.
 *   S3. First it is played twice without a crash. What differs then is the
 *       scenario's own, and it cannot be swept before that is mended or masked.
 *   S4. A process that dies may have played before, as in production; the one that
 *       takes over is always new. What is found is told only if it is found again
 *       with new processes alone.
 *   S5. The failure that is told is that of the first point, and it says how to
 *       have it again alone.
 */

import { EnginehouseError } from '../../base/errors.ts';
import { differences } from './sweep-differences.ts';
import {
  resolveSweep,
  type CrashScenario,
  type CrashSweepOptions,
  type CrashSweepReport,
  type ResolvedSweep,
  type TriedCrash,
} from './sweep-options.ts';
import { Play, type Crash, type Played } from './sweep-play.ts';
import { WarmChildren } from './warm-children.ts';

/**
 * Plays `scenario` with a crash at every durable point.
 *
 * @throws `CRASH_SWEEP_FAILED` naming the first point at which something differs, and what; what the scenario throws
 * without a crash; `CONFIG_INVALID`, `WORKER_FAILED`
 * @example
 * await crashSweep(async ({ user }) => {
 *   const run = (await user('alice').client()).start('clerk', { order: 7 });
 *   return run.result;
 * });
 */
export async function crashSweep<Answer>(
  scenario: CrashScenario<Answer>,
  options: CrashSweepOptions = {},
): Promise<CrashSweepReport> {
  const resolved = resolveSweep(options);
  const { config, env = {} } = resolved.worker;
  await using children = new WarmChildren({ config, env }, resolved.concurrency + 1);
  return await new Sweep(scenario, resolved, children).run();
}

interface Failed {
  readonly crash: Crash;
  readonly died: Played['died'];
  readonly what: string;
  readonly cause?: unknown;
}

class Sweep<Answer> {
  readonly #scenario: CrashScenario<Answer>;
  readonly #options: ResolvedSweep;
  readonly #children: WarmChildren;
  readonly #startedAt = performance.now();
  readonly #tried: TriedCrash[] = [];
  readonly #failed: Failed[] = [];

  constructor(scenario: CrashScenario<Answer>, options: ResolvedSweep, children: WarmChildren) {
    this.#scenario = scenario;
    this.#options = options;
    this.#children = children;
  }

  async run(): Promise<CrashSweepReport> {
    const expected = await this.#expected();
    const crashes = this.#crashes(expected);
    this.#children.expect(crashes.length);
    const left = await this.#tryAll(crashes, expected);
    const [first] = this.#failed.toSorted((a, b) => a.crash.n - b.crash.n);
    if (first !== undefined) throw this.#failure(first, expected.points.length);
    const tookMs = performance.now() - this.#startedAt;
    const { text: seed } = this.#options.seed;
    if (left > 0) tellLeft({ tried: this.#tried.length, left, seed });
    const tried = this.#tried.toSorted((a, b) => a.n - b.n);
    return { points: expected.points, tried, left, seed, tookMs };
  }

  /** S3 */
  async #expected(): Promise<Played> {
    this.#children.expect(2);
    const plays = await Promise.allSettled([this.#play(), this.#play()]);
    const [one, two] = plays.map((play) => {
      if (play.status === 'rejected') throw play.reason;
      return play.value;
    });
    if (one === undefined || two === undefined) throw new TypeError('two plays were begun');
    const what = differences(one.story, two.story, false);
    if (what === undefined) return one;
    const message = `without any crash the scenario does not end twice in the same way:\n${what}`;
    const cure =
      'Take ids, times and randomness from the agent’s context, give less in the answer, or name what differs by itself with the option mask.';
    const details = { point: 0, moment: 'none', what, replay: '' };
    throw new EnginehouseError('CRASH_SWEEP_FAILED', message, details, { cure });
  }

  /** In the order in which they are tried. @throws `CONFIG_INVALID` */
  #crashes({ points }: Played): readonly Crash[] {
    const { points: wanted = points.map(({ n }) => n), moments, budgetMs, seed } = this.#options;
    const beyond = wanted.find((n) => n > points.length);
    if (beyond !== undefined)
      throw new EnginehouseError('CONFIG_INVALID', `the scenario has ${points.length} durable points, got ${beyond}`, {
        option: 'points',
        received: beyond,
      });
    const all = wanted.flatMap((n) => moments.map((when) => ({ n, when })));
    return budgetMs === undefined ? all : seed.fork('crash sweep').shuffle(all);
  }

  /** Gives how many were left. */
  async #tryAll(crashes: readonly Crash[], expected: Played): Promise<number> {
    const { concurrency, budgetMs = Number.POSITIVE_INFINITY } = this.#options;
    const until = performance.now() + budgetMs;
    const todo = [...crashes];
    const lane = async (): Promise<void> => {
      while (this.#failed.length === 0 && performance.now() < until) {
        const crash = todo.shift();
        if (crash === undefined) return;
        await this.#try(crash, expected);
      }
    };
    await Promise.all(Array.from({ length: concurrency }, lane));
    return todo.length;
  }

  /** S4 */
  async #try(crash: Crash, expected: Played): Promise<void> {
    const found = await this.#find(crash, expected, true);
    const confirmed = found && (await this.#find(crash, expected, false));
    if (confirmed !== undefined) this.#failed.push(confirmed);
  }

  async #find(crash: Crash, { story }: Played, used: boolean): Promise<Failed | undefined> {
    try {
      const played = await this.#play(crash, used);
      const what = differences(story, played.story, this.#options.allowUnknown);
      if (what !== undefined) return { crash, died: played.died, what };
      const unknown = played.story.runs.some((run) => run.unknown);
      this.#tried.push({ ...crash, point: played.died, unknown, ms: played.ms });
      return undefined;
    } catch (cause) {
      const what = cause instanceof Error ? cause.message : String(cause);
      return { crash, died: undefined, what: `it did not end: ${what}`, cause };
    }
  }

  #play(crash?: Crash, used = false): Promise<Played> {
    return new Play(this.#scenario, this.#options, this.#children).once(crash, used);
  }

  /** S5 */
  #failure({ crash, died, what, cause }: Failed, count: number): EnginehouseError {
    const { n, when } = crash;
    const moments = when === 'durable' ? '' : `, moments: ['${when}']`;
    const replay = `crashSweep(scenario, { points: [${n}]${moments} })`;
    const at = died === undefined ? '' : `, ${died.description} of ${died.user}`;
    const moment = when === 'durable' ? 'once it was durable' : 'before it was written';
    const place = `point ${n} of ${count}${at}, ${moment}`;
    const { budgetMs, seed } = this.#options;
    const drawn = budgetMs === undefined ? '' : ` (points were drawn by ${seed.text})`;
    const message = `with a crash at ${place}, the scenario does not end as it does without:\n${what}\nTo have it again: ${replay}${drawn}`;
    return new EnginehouseError('CRASH_SWEEP_FAILED', message, { point: n, moment: when, what, replay }, { cause });
  }
}

function tellLeft({
  tried,
  left,
  seed,
}: {
  readonly tried: number;
  readonly left: number;
  readonly seed: string;
}): void {
  console.error(`enginehouse: crashSweep tried ${tried} of ${tried + left} crashes in its time, drawn by ${seed}`);
}
