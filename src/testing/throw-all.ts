import { printable } from './audit/printable.ts';

/** Throws what went wrong, if anything did: one failure as it prints best, several as one that tells them all. */
export function throwAll(failures: readonly unknown[], what: string): void {
  if (failures.length === 1) throw printable(failures[0]);
  if (failures.length > 1) throw printable(new AggregateError(failures, `${what} was not in order`));
}
