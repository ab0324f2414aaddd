import { EnginehouseError } from '../../base/errors.ts';
import type { AgentEvent } from '../../context/event.ts';
import { canonicalLines, type CanonicalLine } from './canonical.ts';
import { hopesText, partingOf, type Children, type Parting } from './match.ts';
import { patternText, type PatternNode } from './pattern-node.ts';
import { timelineText } from './timeline-text.ts';

/** What a source gave of a run. */
export interface ReadRun {
  readonly runId: string | undefined;
  readonly events: readonly AgentEvent[];
  readonly children: Children;
}

/** Lines that are shown before and after the one in question. */
const AROUND = 20;

/** Why a run is not what was expected: the pattern, the run, and where they part; `undefined` when it is. */
export function timelineMismatch(expected: PatternNode, run: ReadRun): string | undefined {
  const parting = partingOf(expected, run.events, run.children);
  return parting && explained(expected, run, parting);
}

/** The failure of an assertion on a timeline. */
export function mismatchError(expected: PatternNode, message: string): EnginehouseError<'TIMELINE_MISMATCH'> {
  return new EnginehouseError('TIMELINE_MISMATCH', message, { pattern: patternText(expected) });
}

function explained(expected: PatternNode, { runId, events, children }: ReadRun, { place, hopes }: Parting): string {
  const seq = events[place]?.seq;
  const lines = canonicalLines(events, { children, runId });
  const found = seq === undefined ? -1 : lines.findIndex(({ seqs }) => seqs.includes(seq));
  const at = found === -1 ? lines.length : found;
  const reasons = hopes.flatMap(({ text, why }) => (why === undefined ? [] : [`not ${text}: ${why}`]));
  const here = [`here was expected: ${hopesText(hopes)}`, ...reasons].map((line) => `      ^ ${line}`);
  const marked = [
    ...lines.slice(0, at + 1).map((line, index) => shown(line, index === at)),
    ...(found === -1 ? ['> (the end)'] : []),
    ...here,
    ...lines.slice(at + 1).map((line) => shown(line, false)),
  ];
  return [
    `the timeline of ${runId === undefined ? 'the run' : `run ${runId}`} is not what was expected`,
    `expected:\n  ${patternText(expected, '  ')}`,
    `the run:\n${around(marked, at).join('\n')}`,
    `its log:\n${around(timelineText(events).split('\n'), place).join('\n')}`,
  ].join('\n\n');
}

function shown({ text }: CanonicalLine, isMarked: boolean): string {
  return `${isMarked ? '> ' : '  '}${text}`;
}

function around(lines: readonly string[], at: number): readonly string[] {
  const [from, to] = [Math.max(0, at - AROUND), at + AROUND];
  const before = from > 0 ? [`  … ${from} more`] : [];
  const after = to < lines.length ? [`  … ${lines.length - to} more`] : [];
  return [...before, ...lines.slice(from, to), ...after];
}
