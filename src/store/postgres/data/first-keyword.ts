import { afterSpace } from './sql-text.ts';

const LONGEST = 64;

/**
 * The word that a statement begins with, in capitals; '' when there is none.
 * White space, comments and opening brackets before it do not count.
 */
export function firstKeyword(sql: string): string {
  let at = afterSpace(sql, 0);
  while (sql.charAt(at) === '(') at = afterSpace(sql, at + 1);
  return (/^[a-z_]\w*/i.exec(sql.slice(at, at + LONGEST))?.[0] ?? '').toUpperCase();
}
