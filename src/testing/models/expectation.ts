import type { ModelCall } from './model-call.ts';
import type { Expectation } from './turn.ts';

/** @throws what a function throws */
export function matches(expected: Expectation, call: ModelCall): boolean {
  if (typeof expected === 'string') return call.lastMessage.includes(expected);
  // Not test(): a pattern with the flag g or y remembers where it stopped.
  if (expected instanceof RegExp) return call.lastMessage.search(expected) !== -1;
  return expected(call) !== false;
}

/** For a person: `"otters"`, `/otters/i`, `call => …`. */
export function shownExpectation(expected: Expectation): string {
  if (typeof expected === 'string') return JSON.stringify(expected);
  if (expected instanceof RegExp) return String(expected);
  return String(expected).replaceAll(/\s+/g, ' ').slice(0, 120);
}
