/** Where a command's words go: its yield to standard output, what it says about it to standard error. */

import { styleText } from 'node:util';

export function yieldLine(text: string): void {
  process.stdout.write(`${text}\n`);
}

export function note(text: string): void {
  process.stderr.write(`${text}\n`);
}

/** Dim on a terminal, plain elsewhere and with NO_COLOR. */
export function dim(text: string, stream: NodeJS.WriteStream): string {
  return styleText('dim', text, { stream });
}

/** Text of an agent or a file as one line without control characters: it must not steer the terminal. */
export function plain(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, ' ').toWellFormed();
}

/** Columns as wide as their longest cell. */
export function table(rows: readonly (readonly string[])[]): string[] {
  const widths = rows.reduce<number[]>((most, row) => row.map((cell, at) => Math.max(most[at] ?? 0, cell.length)), []);
  return rows.map((row) =>
    row
      .map((cell, at) => cell.padEnd(widths[at] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}
