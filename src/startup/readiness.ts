/**
 * Readiness is a real event round trip: a small agent with a tool runs through
 * the factory, its engine and the store, and its five events are read back
 * through the bridge and compared with the log. A look at fields would prove
 * nothing.
 */

import { z } from 'zod';

import { defineOwnAgent, type AgentDefinition } from '../agent/define-agent.ts';
import type { Clock } from '../base/clock.ts';
import { asEnginehouseError, EnginehouseError } from '../base/errors.ts';
import type { Ids } from '../base/ids.ts';
import { withDeadline } from '../base/deadline.ts';
import { canonicalEvent } from '../context/canonical-event.ts';
import type { AgentEvent, EventType } from '../context/event.ts';
import { UserExecutionContext } from '../context/user-execution-context.ts';
import type { EventBridge } from '../event/event-bridge.ts';
import type { Store } from '../event/store.ts';
import type { ExecutionEngineFactory } from '../factory/execution-engine-factory.ts';
import type { Readiness } from '../server/door-deps.ts';
import { tool } from '../tool/tool.ts';

/** The five events that every completed run with a tool shows, in this order. */
export const FIVE_EVENTS: readonly EventType[] = [
  'agent_started',
  'agent_thinking',
  'tool_executing',
  'tool_completed',
  'agent_completed',
];

const nonceSchema = z.object({ nonce: z.string() });

const echo = tool({
  description: 'Gives back what it got.',
  inputSchema: nonceSchema,
  idempotent: true,
  execute: ({ nonce }) => ({ nonce }),
});

/** The agent that readiness runs. */
export const readinessAgent: AgentDefinition = defineOwnAgent({
  name: 'readiness',
  tools: { echo },
  run: async ({ input, tools, think }) => {
    await think('answering');
    return tools.echo(nonceSchema.parse(input));
  },
});

interface ReadinessDeps {
  readonly factory: ExecutionEngineFactory;
  readonly bridge: EventBridge;
  readonly store: Store;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly timeoutMs: number;
}

/** How long an answer is good for: a probe must not load what it probes. */
const FRESH_MS = 1_000;

export class ReadinessCheck {
  readonly #deps: ReadinessDeps;
  #last: { readonly at: number; readonly answer: Promise<Readiness> } | undefined;

  constructor(deps: ReadinessDeps) {
    this.#deps = deps;
  }

  /** The outcome of a round trip that is at most a second old. Never rejects. */
  check(): Promise<Readiness> {
    const now = this.#deps.clock.now();
    if (this.#last !== undefined && now - this.#last.at < FRESH_MS) return this.#last.answer;
    const answer = this.#measure();
    this.#last = { at: now, answer };
    return answer;
  }

  async #measure(): Promise<Readiness> {
    const startedAt = performance.now();
    try {
      await this.verify();
      return { ok: true, ms: performance.now() - startedAt };
    } catch (error) {
      return { ok: false, ms: performance.now() - startedAt, error: asEnginehouseError(error, 'INTERNAL').toJSON() };
    }
  }

  /** One round trip. @throws what failed, with its code; `DEADLINE` past limits.readinessTimeoutMs */
  verify(): Promise<void> {
    const { timeoutMs, clock } = this.#deps;
    return withDeadline('the event round trip of readiness', timeoutMs, clock, this.#roundTrip());
  }

  async #roundTrip(): Promise<void> {
    const { factory, bridge, store, ids } = this.#deps;
    const nonce = ids.next();
    const run = { threadId: 'readiness', runId: nonce };
    const context = UserExecutionContext.fromRequest({ ...factory.house, ...run });
    const { runs, log } = store.for(context);
    try {
      await factory.userExecutionScope(context, async (engine) => {
        const run = engine.executeAgent(readinessAgent.name, { nonce });
        await run.accepted;
        const seen: AgentEvent[] = [];
        for await (const batch of bridge.follow(context, context.runId, 0)) seen.push(...batch);
        requireFive(seen);
        requireSame(seen, await log.read(context.runId, 0, seen.length + 1));
      });
    } finally {
      await runs.delete(context.runId);
    }
  }
}

function requireFive(seen: readonly AgentEvent[]): void {
  const types = seen.map(({ type }) => type);
  let at = 0;
  for (const type of types) if (type === FIVE_EVENTS[at]) at += 1;
  if (at < FIVE_EVENTS.length) throw broken(`expected ${FIVE_EVENTS.join(', ')}, saw ${types.join(', ')}`);
}

function requireSame(seen: readonly AgentEvent[], kept: readonly AgentEvent[]): void {
  const [left, right] = [seen, kept].map((events) => events.map(canonicalEvent).join(''));
  if (left !== right) throw broken('what the bridge showed is not what the log holds');
}

function broken(reason: string): EnginehouseError {
  return new EnginehouseError('STARTUP_FAILED', `the event round trip is broken: ${reason}`, {
    phase: 'readiness',
    reason,
  });
}
