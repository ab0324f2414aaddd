import { runId, userId, type RunId, type UserId } from '../../src/context/ids.ts';

// A checked id keeps its kind.
export const ada: UserId = userId('ada');
export const first: RunId = runId('run-1');

// @ts-expect-error a user is not a run
export const confused: RunId = userId('ada');

// @ts-expect-error a bare string is not an id before it was checked
export const unchecked: UserId = 'ada';
