import { broadcastEmitter, skippedPhase, undisposedEngine } from './class-defects.ts';
import { committedFailure, sharedMemory } from './database-defects.ts';
import type { Defect } from './defect.ts';
import { lostCancel, pointerNotReset } from './runtime-defects.ts';
import { doubledEvent, foreignRun, lostTerminalEvent } from './store-defects.ts';

/** Every defect, by the name that `enginehouse testkit sabotage` knows it by. */
export const DEFECTS: ReadonlyMap<string, Defect> = new Map([
  ['broadcast-emitter', broadcastEmitter],
  ['shared-memory', sharedMemory],
  ['foreign-run', foreignRun],
  ['pointer-not-reset', pointerNotReset],
  ['skipped-phase', skippedPhase],
  ['lost-terminal-event', lostTerminalEvent],
  ['doubled-event', doubledEvent],
  ['lost-cancel', lostCancel],
  ['committed-failure', committedFailure],
  ['undisposed-engine', undisposedEngine],
]);
