/** What HTTP and sockets do alike: start a run and cancel one, as the one who signed in. */

import { EnginehouseError, isEnginehouseError } from '../base/errors.ts';
import { runId, threadId } from '../context/ids.ts';
import { LIMITS } from '../context/limits.ts';
import type { Principal } from '../context/principal.ts';
import { UserExecutionContext } from '../context/user-execution-context.ts';
import { draining } from './answer.ts';
import type { RunDesk } from './door-deps.ts';

export interface StartRequest {
  readonly agent: string;
  readonly input: unknown;
  readonly runId: string;
  /** @default the run's id */
  readonly threadId: string | undefined;
}

export interface CancelWish {
  readonly commandId: string;
  readonly runId: string;
  readonly reason: string | undefined;
}

/** @throws `ID_INVALID`, `INPUT_INVALID`, and what the factory refuses */
export async function startRun(
  desk: RunDesk,
  principal: Principal,
  request: StartRequest,
): Promise<Awaited<ReturnType<RunDesk['startRun']>>> {
  const { agent, input = null } = request;
  refuseDeep(input);
  const context = UserExecutionContext.fromRequest({
    tenantId: principal.tenantId,
    userId: principal.userId,
    roles: principal.roles,
    runId: runId(request.runId),
    threadId: threadId(request.threadId ?? request.runId),
  });
  try {
    return await desk.startRun(context, agent, input);
  } catch (error) {
    if (!isEnginehouseError(error, 'FACTORY_CLOSED')) throw error;
    // Runs under way get their time to end while requests still come in.
    throw draining();
  }
}

/** @throws `ID_INVALID`, `NOT_FOUND` */
export function cancelRun(desk: RunDesk, principal: Principal, wish: CancelWish): ReturnType<RunDesk['cancelRun']> {
  const { commandId, reason = 'cancelled by the user' } = wish;
  return desk.cancelRun(principal, { commandId, runId: runId(wish.runId), reason, by: principal.userId });
}

/** What is nested without end overflows the stack of whoever walks it; this walk has none. */
function refuseDeep(input: unknown): void {
  const max = LIMITS.inputDepth.default;
  let level: readonly unknown[] = [input];
  for (let depth = 0; level.length > 0; depth += 1) {
    if (depth > max) {
      const issue = `it nests more than ${max} levels deep`;
      throw new EnginehouseError('INPUT_INVALID', `the input is malformed: ${issue}`, {
        what: 'input',
        issues: [issue],
      });
    }
    level = level.flatMap((value) => (typeof value === 'object' && value !== null ? Object.values(value) : []));
  }
}
