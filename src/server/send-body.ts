import { inspect } from 'node:util';

import { isEnginehouseError } from '../base/errors.ts';
import type { DoorContext } from './answer.ts';
import type { DoorDeps } from './door-deps.ts';
import { pacedBody, type BodyPlan } from './paced-body.ts';

/** What is sent, for the log, and how. */
interface Sending extends Pick<BodyPlan, 'open' | 'until' | 'heartbeat'> {
  readonly what: string;
  readonly ended?: (() => void) | undefined;
}

/** A paced body on this request's connection. What fails once the answer is under way is logged here: nobody else sees it. */
export function sendBody(
  c: DoorContext,
  { clock, limits, log }: Pick<DoorDeps, 'clock' | 'limits' | 'log'>,
  sending: Sending,
): ReadableStream<Uint8Array> {
  const { what, ended, ...plan } = sending;
  const { outgoing } = c.env;
  return pacedBody({
    ...plan,
    clock,
    stallMs: limits.slowClientMs,
    cut: outgoing && (() => outgoing.destroy()),
    ended: (failure) => {
      ended?.();
      if (failure === undefined) return;
      const theirs = isEnginehouseError(failure, 'DISCONNECTED') || isEnginehouseError(failure, 'CLOSED');
      log(theirs ? 'debug' : 'error', `${what} was cut off`, { path: c.req.path, error: inspect(failure) });
    },
  });
}
