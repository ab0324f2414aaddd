/**
 * Runs an engine's tool calls.
 *
 *   D1. A tool starts only after its input was checked, the user's role allows
 *       it, and `tool_executing` is durable.
 *   D2. Every `tool_executing` is followed by one `tool_completed` of the same
 *       call, whatever the tool does: it may throw, hang, or ignore its signal.
 *   D3. A call that the record holds is not run again. One that was under way
 *       when its process died, or left, is run again only if the tool is
 *       idempotent, with the same call id; else its outcome is unknown, and said
 *       to be.
 *   D4. A failed call rejects, and the run goes on if its agent catches it.
 */

import type { Clock } from '../base/clock.ts';
import { orAborted } from '../base/deadline.ts';
import { asEnginehouseError, EnginehouseError, isEnginehouseError, reviveError } from '../base/errors.ts';
import { canonicalJson, type Json } from '../base/canonical-json.ts';
import { LinkedSignal } from '../base/linked-signal.ts';
import { validate } from '../base/validate.ts';
import type { EventData } from '../context/event.ts';
import type { Limits } from '../context/limits.ts';
import type { UserExecutionContext } from '../context/user-execution-context.ts';
import type { DatabaseSessionManager } from '../event/database-session-manager.ts';
import type { UserWebSocketEmitter } from '../event/user-websocket-emitter.ts';
import type { ValueKeeper } from '../event/value-keeper.ts';
import type { ArtifactAccess } from './artifact-access.ts';
import { callId } from './call-id.ts';
import { Detached } from './detached.ts';
import type { Place, StepRecord } from './step-record.ts';
import type { Tool, ToolContext, ToolSet } from './tool.ts';

/** One run's side of its tool calls. */
export interface ToolSession {
  readonly user: UserExecutionContext;
  readonly tools: ToolSet;
  readonly emitter: UserWebSocketEmitter;
  readonly record: StepRecord;
  readonly values: ValueKeeper;
  readonly artifacts: ArtifactAccess;
  readonly signal: AbortSignal;
}

export interface ToolDispatcherDeps {
  readonly clock: Clock;
  readonly limits: Pick<Limits, 'toolTimeoutMs' | 'inlineBytes'>;
  readonly database: DatabaseSessionManager;
}

type Outcome = EventData<'tool_completed'>['outcome'];

export class ToolDispatcher {
  readonly #deps: ToolDispatcherDeps;
  readonly #underWay = new Set<string>();
  readonly #counts: Record<Outcome, number> = { ok: 0, error: 0, denied: 0, timeout: 0, unknown: 0 };

  constructor(deps: ToolDispatcherDeps) {
    this.#deps = deps;
  }

  /** The calls that run now, by run and call. */
  get underWay(): readonly string[] {
    return [...this.#underWay];
  }

  /** How many calls ended, by outcome. */
  metrics(): Readonly<Record<Outcome, number>> {
    return { ...this.#counts };
  }

  /**
   * Runs the next call of `name` in a run and gives its result.
   *
   * @throws `TOOL_UNKNOWN`, `TOOL_DENIED`, `INPUT_INVALID`, `TOOL_TIMEOUT`, `TOOL_FAILED`, `TOOL_OUTCOME_UNKNOWN`,
   * `STEP_MISMATCH`, the tool's own EnginehouseError, and the signal's reason when the run ends first.
   */
  async execute(session: ToolSession, name: string, input: unknown): Promise<Json> {
    session.signal.throwIfAborted();
    const tool = Object.hasOwn(session.tools, name) ? session.tools[name] : undefined;
    if (tool === undefined) {
      const known = Object.keys(session.tools);
      throw new EnginehouseError(
        'TOOL_UNKNOWN',
        `tool ${name} does not exist, known are ${known.join(', ') || 'none'}`,
        { tool: name, known },
      );
    }
    using place = session.record.claim('tool', name);
    await announceTurn(session);
    const recorded = place.recorded;
    if (recorded?.state === 'ended') {
      if (recorded.error !== undefined) throw reviveError(recorded.error);
      return session.values.load(recorded.value);
    }
    const call = new ToolCall(name, tool, { session, place, deps: this.#deps });
    const marker = `${session.user.runId} ${place.id}`;
    this.#underWay.add(marker);
    try {
      return await call.run(input);
    } finally {
      this.#underWay.delete(marker);
      if (call.outcome !== undefined) this.#counts[call.outcome] += 1;
    }
  }
}

/** One call, from its check to its recorded outcome. */
class ToolCall {
  readonly #name: string;
  readonly #tool: Tool;
  readonly #session: ToolSession;
  readonly #place: Place;
  readonly #deps: ToolDispatcherDeps;
  readonly #startedAt: number;
  /** It has ended, and its end may not be in the log yet. */
  #over = false;
  /** How it ended, once that is in the log. */
  outcome: Outcome | undefined;

  constructor(
    name: string,
    tool: Tool,
    rest: { readonly session: ToolSession; readonly place: Place; readonly deps: ToolDispatcherDeps },
  ) {
    this.#name = name;
    this.#tool = tool;
    this.#session = rest.session;
    this.#place = rest.place;
    this.#deps = rest.deps;
    this.#startedAt = rest.deps.clock.now();
  }

  async run(input: unknown): Promise<Json> {
    try {
      this.#checkRole();
      const checked = await orAborted(
        validate(`tool ${this.#name}`, this.#tool.inputSchema, input),
        this.#session.signal,
      );
      await this.#start(input);
      const kept = await this.#session.values.keep(`result of tool ${this.#place.id}`, await this.#work(checked));
      await this.#end('ok', { ...kept });
      return await this.#session.values.load(kept);
    } catch (thrown) {
      // D3: the next attempt says what became of it.
      if (this.#session.signal.reason instanceof Detached) throw thrown;
      const error = asEnginehouseError(thrown, 'TOOL_FAILED');
      if (this.outcome === undefined) await this.#end(outcomeOf(error), { error: error.toJSON() });
      throw error;
    }
  }

  #checkRole(): void {
    const { roles } = this.#tool;
    const has = this.#session.user.roles;
    if (roles === undefined || roles.some((role) => has.includes(role))) return;
    const role = roles.join(' or ');
    throw new EnginehouseError('TOOL_DENIED', `tool ${this.#name} needs the role ${role}`, { tool: this.#name, role });
  }

  /** D1 and D3. */
  async #start(input: unknown): Promise<void> {
    const { emitter } = this.#session;
    const { step, id: call, recorded } = this.#place;
    if (recorded?.state === 'started') {
      if (!this.#tool.idempotent) throw outcomeUnknown(this.#name, call);
      await emitter.emit('step_reset', { step, reason: 'its worker was lost' });
    }
    await emitter.emit('tool_executing', {
      call,
      tool: this.#name,
      input: shown(input, this.#deps.limits.inlineBytes),
      step,
    });
  }

  /** D2: ends at the deadline or with the run, also when the tool ignores its signal. */
  async #work(input: unknown): Promise<unknown> {
    const { signal } = this.#session;
    using link = new LinkedSignal([signal]);
    const timeoutMs = this.#tool.timeoutMs ?? this.#deps.limits.toolTimeoutMs;
    const disarm = this.#deps.clock.after(timeoutMs, () => link.abort(tookTooLong(this.#name, timeoutMs)));
    try {
      signal.throwIfAborted();
      const work = Promise.resolve(this.#tool.execute(input as never, this.#context(link.signal)));
      return await orAborted(work, link.signal);
    } finally {
      disarm();
    }
  }

  #context(signal: AbortSignal): ToolContext {
    const { user, artifacts, emitter } = this.#session;
    const call = this.#place.id;
    return {
      user,
      artifacts,
      signal,
      database: this.#deps.database.until(signal),
      callId: callId(user, call),
      progress: (progress) => {
        // What a tool says after its end would come after `tool_completed`.
        if (this.#over || signal.aborted) return Promise.resolve();
        const told = emitter.emit('tool_progress', { call, progress }).then(() => undefined);
        // Many tools do not wait for it, and an unhandled rejection would end the process for everybody.
        told.catch(() => undefined);
        return told;
      },
    };
  }

  async #end(
    outcome: Outcome,
    rest: Pick<EventData<'tool_completed'>, 'result' | 'resultArtifact' | 'error'>,
  ): Promise<void> {
    this.#over = true;
    const { step, id: call, alone } = this.#place;
    const durationMs = Math.max(0, this.#deps.clock.now() - this.#startedAt);
    await this.#session.emitter.emit('tool_completed', {
      call,
      tool: this.#name,
      step,
      alone,
      outcome,
      durationMs,
      ...rest,
    });
    this.outcome = outcome;
  }
}

/** An agent that calls a tool without a word has begun a turn all the same. */
async function announceTurn({ record, emitter }: ToolSession): Promise<void> {
  if (record.hasThought) return;
  const { turn, recorded } = record.takeTurn();
  if (!recorded) await emitter.emit('agent_thinking', { turn });
}

function outcomeOf(error: EnginehouseError): Outcome {
  if (isEnginehouseError(error, 'TOOL_DENIED')) return 'denied';
  if (isEnginehouseError(error, 'TOOL_TIMEOUT')) return 'timeout';
  if (isEnginehouseError(error, 'TOOL_OUTCOME_UNKNOWN')) return 'unknown';
  return 'error';
}

/** The input as the log shows it: whole when it is small JSON, else a note of its size. */
function shown(input: unknown, limitBytes: number): Json {
  const text = canonicalJson(input ?? null);
  const bytes = Buffer.byteLength(text);
  return bytes <= limitBytes ? (JSON.parse(text) as Json) : { omitted: `${bytes} bytes` };
}

function tookTooLong(tool: string, timeoutMs: number): EnginehouseError {
  return new EnginehouseError('TOOL_TIMEOUT', `tool ${tool} took longer than ${timeoutMs} ms`, { tool, timeoutMs });
}

/** The failure of a call whose worker was lost, when it cannot be run again. */
export function outcomeUnknown(tool: string, call: string): EnginehouseError {
  return new EnginehouseError(
    'TOOL_OUTCOME_UNKNOWN',
    `tool ${tool} was running when its worker was lost, its outcome is unknown`,
    { tool, call },
  );
}
