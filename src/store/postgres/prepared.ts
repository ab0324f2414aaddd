import { createHash } from 'node:crypto';

/** One statement of a transaction. One with a name is prepared once per connection. */
export interface Statement {
  readonly text: string;
  readonly values?: readonly unknown[];
  readonly name?: string;
}

/**
 * A statement that is prepared when it is first used. Its name says its text too: behind a pooler a connection may have
 * been used by another version of this program, whose statements have other texts.
 */
export function prepared(name: string, text: string): (...values: readonly unknown[]) => Statement {
  const digest = createHash('sha256').update(text).digest('hex').slice(0, 12);
  const full = `enginehouse_${name}_${digest}`;
  return (...values) => ({ name: full, text, values });
}
