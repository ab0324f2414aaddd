import { systemClock } from '../base/clock.ts';
import { withDeadline } from '../base/deadline.ts';
import { EnginehouseError } from '../base/errors.ts';
import { canonicalEvent } from '../context/canonical-event.ts';
import type { AgentEvent } from '../context/event.ts';
import { FIVE_EVENTS, readinessAgent } from '../startup/readiness.ts';
import type { TestRuntime } from './test-runtime.ts';
import type { TestUser } from './test-user.ts';

/**
 * Runs a small agent for a real connected user and reads its five events back
 * from the socket and from the log. A look at fields would prove nothing.
 *
 * @throws `STARTUP_FAILED` saying what was expected and what was seen, `DEADLINE` after limits.readinessTimeoutMs
 */
export async function verifyRuntime(home: TestRuntime): Promise<void> {
  await using user = home.user('verifier');
  const { readinessTimeoutMs } = home.runtime.limits;
  await withDeadline('the event round trip of verify', readinessTimeoutMs, systemClock, roundTrip(home, user));
}

async function roundTrip(home: TestRuntime, user: TestUser): Promise<void> {
  const context = user.context();
  // It signs in and connects while the run begins.
  const client = home.runtime.address === undefined ? undefined : await user.client();
  await using engine = await home.runtime.factory.createForUser(context);
  const run = engine.executeAgent(readinessAgent.name, { nonce: crypto.randomUUID() });
  await run.accepted;
  const seen: AgentEvent[] = [];
  // Where nothing listens there is no socket, and the bridge shows it.
  for await (const event of client?.run(context.runId) ?? run.events()) seen.push(event);
  const kept = await home.runtime.store.for(context).log.read(context.runId, 0, seen.length + 1);
  requireFive(seen);
  if (text(seen) !== text(kept)) throw broken('what was shown is not what the log holds');
}

function requireFive(seen: readonly AgentEvent[]): void {
  let at = 0;
  for (const { type } of seen) if (type === FIVE_EVENTS[at]) at += 1;
  if (at < FIVE_EVENTS.length) {
    throw broken(
      `expected ${FIVE_EVENTS.join(', ')}, shown were ${seen.map(({ type }) => type).join(', ') || 'nothing'}`,
    );
  }
}

function text(events: readonly AgentEvent[]): string {
  return events.map(canonicalEvent).join('');
}

function broken(reason: string): EnginehouseError {
  return new EnginehouseError('STARTUP_FAILED', `the test runtime is not verified: ${reason}`, {
    phase: 'verify',
    reason,
  });
}
