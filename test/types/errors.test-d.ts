import { EnginehouseError, isEnginehouseError } from '../../src/base/errors.ts';

export const late = new EnginehouseError('TOOL_TIMEOUT', 'search took longer than 5 ms', {
  tool: 'search',
  timeoutMs: 5,
});

// @ts-expect-error a code needs its own details
export const vague = new EnginehouseError('TOOL_TIMEOUT', 'too slow', { tool: 'search' });

// @ts-expect-error a code that is not in the table does not exist
export const unknown = new EnginehouseError('TOO_SLOW', 'too slow', {});

/** A code tells which details there are. */
export function timeoutOf(error: unknown): number | undefined {
  if (!isEnginehouseError(error, 'TOOL_TIMEOUT')) return undefined;
  // @ts-expect-error the details of another code
  void error.details.runId;
  return error.details.timeoutMs;
}
