/**
 * What a pattern is made of.
 *
 *   L1. A leaf names kinds of events. Every event of a kind that a pattern names
 *       must be in the pattern; others may stand anywhere.
 *   L2. A leaf takes what begins at a place as a whole: a call to its end, a child
 *       run to its end, a text to where it says what the leaf says.
 */

import type { AgentEvent } from '../../context/event.ts';
import type { LogView } from './log-view.ts';

/** What is expected of a run, as a partial order. Made by the functions of `t`. */
export interface Pattern {
  readonly node: PatternNode;
}

export type PatternNode =
  | { readonly kind: 'leaf'; readonly leaf: Leaf }
  | { readonly kind: 'seq' | 'par'; readonly parts: readonly PatternNode[] }
  | { readonly kind: 'maybe' | 'exactly'; readonly part: PatternNode }
  | { readonly kind: 'anything' };

/** One thing that happens in a run. */
export interface Leaf {
  /** As it stands in the pattern. */
  readonly text: string;
  /** Whether two leaves of the same text are the same: not when they hold code. */
  readonly plain: boolean;
  /** Leaves of one shape that take at one place take the same places; 'text' when that depends on what they say. */
  readonly shape: 'event' | 'call' | 'child' | 'text' | 'any';
  /** A text that is expected as it is: what is said right after it is the same text. */
  readonly said?: string | undefined;
  /** L1 */
  names(event: AgentEvent): boolean;
  /** L2. None when nothing of the leaf's kind begins here; several when a text may end in several places. */
  takes(place: number, reading: Reading): readonly Take[];
}

/** The places that a leaf takes, the first one first, or why it takes none of what begins there. */
export type Take = { readonly places: readonly number[] } | { readonly why: string };

/** What a leaf may ask while a log is read. */
export interface Reading {
  readonly log: LogView;
  /** Whether the pattern names events of this kind. */
  isNamed(event: AgentEvent): boolean;
  /** Why a child run is not what is expected of it; `undefined` when it is. */
  mismatch(expected: PatternNode, run: string): string | undefined;
}

/** The leaves of a pattern, without those that are expected of child runs. */
export function leavesOf(node: PatternNode): readonly Leaf[] {
  switch (node.kind) {
    case 'leaf':
      return [node.leaf];
    case 'seq':
    case 'par':
      return node.parts.flatMap(leavesOf);
    case 'maybe':
    case 'exactly':
      return leavesOf(node.part);
    case 'anything':
      return [];
  }
}

const LINE_LENGTH = 80;

/** A pattern as it is written. */
export function patternText(node: PatternNode, indent = ''): string {
  if (node.kind === 'leaf') return node.leaf.text;
  if (node.kind === 'anything') return node.kind;
  const parts = 'parts' in node ? node.parts : [node.part];
  const [first] = parts;
  if (node.kind === 'par' && first !== undefined && parts.length > 1 && parts.every((part) => part === first))
    return `times(${parts.length}, ${patternText(first, indent)})`;
  const line = `${node.kind}(${parts.map((part) => patternText(part)).join(', ')})`;
  if (line.length <= LINE_LENGTH - indent.length && !line.includes('\n')) return line;
  const inner = `${indent}  `;
  return `${node.kind}(\n${parts.map((part) => `${inner}${patternText(part, inner)},\n`).join('')}${indent})`;
}
