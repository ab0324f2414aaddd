import { expect, test } from 'vitest';

import { EVENT_TYPES } from './event.ts';
import { isFinal, isTerminal, statusAfter, type RunStatus } from './run-status.ts';

test('three events end a run, and each leads to a final status of its own', () => {
  expect(EVENT_TYPES.filter(isTerminal)).toEqual(['agent_completed', 'agent_failed', 'agent_cancelled']);
  for (const type of EVENT_TYPES) {
    const after = statusAfter(type);
    expect(after !== undefined && isFinal(after)).toBe(isTerminal(type));
  }
});

test('the status of a run is a fold of its log', () => {
  const fold = (types: readonly (typeof EVENT_TYPES)[number][]): RunStatus | undefined =>
    types.reduce<RunStatus | undefined>((status, type) => statusAfter(type) ?? status, undefined);

  expect(fold(['run_accepted', 'run_queued', 'run_queued'])).toBe('queued');
  expect(fold(['run_accepted', 'agent_started', 'message_delta', 'tool_executing'])).toBe('running');
  expect(fold(['run_accepted', 'agent_started', 'run_parked'])).toBe('parked');
  expect(fold(['run_accepted', 'agent_started', 'run_parked', 'run_resumed'])).toBe('running');
  expect(fold(['run_accepted', 'agent_started', 'cancel_requested'])).toBe('running');
  expect(fold(['run_accepted', 'agent_started', 'cancel_requested', 'agent_cancelled'])).toBe('cancelled');
});
