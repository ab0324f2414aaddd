/**
 * The word that a statement begins with, in capitals; '' when there is none.
 * White space, comments (which nest in PostgreSQL) and opening brackets before
 * it do not count.
 */
export function firstKeyword(sql: string): string {
  let at = 0;
  for (;;) {
    const next = skipOne(sql, at);
    if (next === at) break;
    at = next;
  }
  return (/^[a-z_]\w*/i.exec(sql.slice(at, at + LONGEST))?.[0] ?? '').toUpperCase();
}

const LONGEST = 64;

function skipOne(sql: string, at: number): number {
  if (sql.startsWith('--', at)) {
    // A carriage return alone ends the comment too.
    const rest = /[\n\r]/g;
    rest.lastIndex = at;
    return rest.test(sql) ? rest.lastIndex : sql.length;
  }
  if (sql.startsWith('/*', at)) return afterComment(sql, at);
  return /[\s(]/.test(sql.charAt(at)) ? at + 1 : at;
}

function afterComment(sql: string, from: number): number {
  let depth = 0;
  for (let at = from; at < sql.length;) {
    if (sql.startsWith('/*', at)) depth += 1;
    else if (sql.startsWith('*/', at)) depth -= 1;
    else {
      at += 1;
      continue;
    }
    at += 2;
    if (depth === 0) return at;
  }
  return sql.length;
}
