import { createHash } from 'node:crypto';

import { canonicalJson } from '../base/canonical-json.ts';
import type { UserExecutionContext } from '../context/user-execution-context.ts';

/** Opaque and the same for every attempt; different for every user, run, and call or step. */
export function callId({ tenantId, userId, runId }: UserExecutionContext, call: string): string {
  return createHash('sha256')
    .update(canonicalJson([tenantId, userId, runId, call]))
    .digest('hex')
    .slice(0, 32);
}
