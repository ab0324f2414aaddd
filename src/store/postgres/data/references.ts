/**
 * Finds the tables that a text of SQL names after REFERENCES: outside strings,
 * comments, quoted names and the bodies of functions.
 */

import { afterComment, afterSpace } from './sql-text.ts';

export interface Reference {
  /** Where the name stands in the text. */
  readonly from: number;
  readonly to: number;
  readonly schema: string | undefined;
  readonly table: string;
}

// Whatever is no word of its own is passed over as a whole, and else one character at a time.
const PIECE =
  /--[^\n]*|\/\*|'(?:[^']|'')*'|"(?:[^"]|"")*"|\$([A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*)?\$|[\w\u0080-\uffff$]+|[^]/gy;
const NAME = /(?:"(?:[^"]|"")+"|[A-Za-z_\u0080-\uffff][\w\u0080-\uffff$]*)/y;
const ESCAPED_STRING = /'(?:[^'\\]|\\[^]|'')*'/y;

export function referencesIn(sql: string): readonly Reference[] {
  const found: Reference[] = [];
  for (let at = 0; at < sql.length;) {
    const piece = matchAt(PIECE, sql, at)?.[0] ?? '';
    const after = at + piece.length;
    if (piece === '/*') at = afterComment(sql, at);
    else if (piece.startsWith('$') && piece.endsWith('$') && piece.length > 1) at = afterBody(sql, after, piece);
    else if (/^e$/i.test(piece) && sql.charAt(after) === "'")
      at = after + (matchAt(ESCAPED_STRING, sql, after)?.[0].length ?? 1);
    else if (/^references$/i.test(piece)) {
      const reference = referenceAt(sql, after);
      if (reference !== undefined) found.push(reference);
      at = reference?.to ?? after;
    } else at = after;
  }
  return found;
}

function referenceAt(sql: string, after: number): Reference | undefined {
  const from = afterSpace(sql, after);
  const first = matchAt(NAME, sql, from)?.[0];
  if (first === undefined) return undefined;
  const end = from + first.length;
  const dot = afterSpace(sql, end);
  if (sql.charAt(dot) !== '.') return { from, to: end, schema: undefined, table: folded(first) };
  const second = matchAt(NAME, sql, afterSpace(sql, dot + 1));
  if (second === null) return undefined;
  return { from, to: second.index + second[0].length, schema: folded(first), table: folded(second[0]) };
}

function afterBody(sql: string, from: number, quote: string): number {
  const end = sql.indexOf(quote, from);
  return end === -1 ? sql.length : end + quote.length;
}

/** A name as PostgreSQL keeps it. */
function folded(name: string): string {
  return name.startsWith('"') ? name.slice(1, -1).replaceAll('""', '"') : name.toLowerCase();
}

function matchAt(pattern: RegExp, sql: string, at: number): RegExpExecArray | null {
  pattern.lastIndex = at;
  return pattern.exec(sql);
}
