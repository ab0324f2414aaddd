/** Where the white space and the comments end that begin at `from`. */
export function afterSpace(sql: string, from: number): number {
  for (let at = from; ;) {
    if (sql.startsWith('/*', at)) at = afterComment(sql, at);
    else if (sql.startsWith('--', at)) at = afterLine(sql, at);
    else if (/\s/.test(sql.charAt(at))) at += 1;
    else return at;
  }
}

/** Where a comment ends that begins at `from` with `/*`. Comments nest in PostgreSQL. */
export function afterComment(sql: string, from: number): number {
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

/** PostgreSQL ends a line at a carriage return too: what stands behind one is no comment, and may be a command. */
function afterLine(sql: string, from: number): number {
  const lineEnd = /[\n\r]/g;
  lineEnd.lastIndex = from;
  return lineEnd.test(sql) ? lineEnd.lastIndex : sql.length;
}
