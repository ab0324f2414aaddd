/**
 * What an agent's code works with in one attempt of a run: its steps, tools,
 * child runs and words, each recorded in the log or taken from it.
 *
 *   N1. What is recorded is not done again, and says the same again to nobody.
 *   N2. Once the attempt's signal aborted, nothing new starts.
 *   N3. A call that the agent forgot to await fails in the log, not in the
 *       process: an unhandled rejection would end it for everybody.
 */

import type { AgentContext } from '../agent/agent-context.ts';
import type { Json } from '../base/canonical-json.ts';
import type { Clock } from '../base/clock.ts';
import { orAborted } from '../base/deadline.ts';
import { asEnginehouseError, reviveError, type EnginehouseError } from '../base/errors.ts';
import type { Ids } from '../base/ids.ts';
import type { DatabaseSessionManager } from '../event/database-session-manager.ts';
import { callId } from '../tool/call-id.ts';
import type { ToolDispatcher, ToolSession } from '../tool/tool-dispatcher.ts';
import type { ChildRuns } from './child-runs.ts';

const MESSAGE = 'answer';

export interface RunSessionDeps {
  readonly clock: Clock;
  readonly ids: Ids;
  readonly database: DatabaseSessionManager;
  readonly dispatcher: ToolDispatcher;
  readonly children: ChildRuns;
  /** The agent's code asked for something, and gets control back: for the watch over the event loop. */
  readonly paused: () => void;
  readonly resumed: () => void;
}

export class RunSession {
  /** What the agent's body is given. Its functions can be taken off it. */
  readonly context: AgentContext;
  readonly #session: ToolSession;
  readonly #deps: RunSessionDeps;
  readonly #underWay = new Set<Promise<unknown>>();
  #saidLength = 0;

  constructor(run: { readonly input: unknown; readonly attempt: number }, session: ToolSession, deps: RunSessionDeps) {
    this.#session = session;
    this.#deps = deps;
    const call = (name: string) => (input: unknown) => this.#track(() => deps.dispatcher.execute(session, name, input));
    const { user, signal, artifacts, tools } = session;
    this.context = Object.freeze<AgentContext>({
      ...run,
      user,
      signal,
      artifacts: {
        create: (content, options) => this.#track(() => artifacts.create(content, options)),
        get: (id) => artifacts.get(id),
        read: (id) => artifacts.read(id),
      },
      database: deps.database.until(signal),
      tools: Object.freeze(Object.fromEntries(Object.keys(tools).map((name) => [name, call(name)]))),
      // What comes back went through JSON; the caller says which shape it put in.
      step: (name, work) => this.#track(() => this.#step(name, work)) as Promise<never>,
      agent: (name, input) => this.#track(() => deps.children.run(session, name, input)) as Promise<never>,
      think: (text) => this.#track(() => this.#think(text)),
      say: (text) => this.#track(() => this.#say(text)),
      now: () => this.#recorded('now', () => deps.clock.now()),
      id: () => this.#recorded('id', () => deps.ids.next()),
      random: () => this.#recorded('random', () => deps.ids.random()),
    });
  }

  /** Waits until every step, call and child run has settled. */
  async settle(): Promise<void> {
    while (this.#underWay.size > 0) await Promise.allSettled(this.#underWay);
  }

  /** Closes the answer, if anything was said. */
  async finish(): Promise<void> {
    const { record, emitter } = this.#session;
    record.checkAllClaimed();
    if (this.#saidLength === 0 || record.messageDone) return;
    // The text itself is in the deltas; a log never holds the same bytes twice.
    await emitter.emit('message_completed', {
      message: MESSAGE,
      role: 'assistant',
      parts: [{ type: 'text', length: this.#saidLength }],
    });
  }

  #recorded<Result>(name: string, work: () => Result): Promise<Result> {
    return this.#track(() => this.#step(`enginehouse.${name}`, work)) as Promise<never>;
  }

  async #think(text: string): Promise<void> {
    const { turn, recorded } = this.#session.record.takeTurn();
    if (!recorded) await this.#session.emitter.emit('agent_thinking', { turn, text });
  }

  async #say(text: string): Promise<void> {
    const { record, emitter } = this.#session;
    const from = this.#saidLength;
    this.#saidLength += text.length;
    const known = record.said.slice(from, from + text.length);
    if (!text.startsWith(known)) throw this.#saidOtherwise(known, text);
    const fresh = text.slice(known.length);
    if (fresh !== '') await emitter.emit('message_delta', { message: MESSAGE, delta: fresh });
  }

  async #step<Result>(
    name: string,
    work: (step: { signal: AbortSignal; key: string }) => Result | Promise<Result>,
  ): Promise<Json> {
    const { user, record, values, emitter, signal } = this.#session;
    using place = record.claim('step', name);
    const { recorded, step, occurrence } = place;
    if (recorded?.state === 'ended') {
      if (recorded.error !== undefined) throw reviveError(recorded.error);
      return values.load(recorded.value);
    }
    try {
      const result = await orAborted(Promise.resolve(work({ signal, key: callId(user, `step ${place.id}`) })), signal);
      const kept = await values.keep(`result of step ${place.id}`, result);
      await emitter.emit('step_completed', { step, name, occurrence, alone: place.alone, outcome: 'ok', ...kept });
      return await values.load(kept);
    } catch (thrown) {
      // An aborted step has not ended: another attempt may do it.
      if (signal.aborted || !emitter.writable) throw thrown;
      // The same failure that a later attempt reads from the record, so that the agent takes the same way again.
      const error = asEnginehouseError(thrown, 'AGENT_THREW');
      await emitter.emit('step_completed', {
        step,
        name,
        occurrence,
        alone: place.alone,
        outcome: 'error',
        error: error.toJSON(),
      });
      throw error;
    }
  }

  /** N2, N3, and `settle`. */
  #track<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#tracked(work);
    done.catch(() => undefined);
    return done;
  }

  async #tracked<T>(work: () => Promise<T>): Promise<T> {
    this.#session.signal.throwIfAborted();
    const done = work();
    this.#underWay.add(done);
    this.#deps.paused();
    try {
      return await done;
    } finally {
      this.#underWay.delete(done);
      this.#deps.resumed();
    }
  }

  #saidOtherwise(recorded: string, requested: string): EnginehouseError {
    const cut = (text: string): string => JSON.stringify(text.slice(0, 60));
    return this.#session.record.mismatch(`the words ${cut(recorded)}`, `the words ${cut(requested)}`);
  }
}
