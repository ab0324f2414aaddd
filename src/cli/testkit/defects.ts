import { InvalidArgumentError } from 'commander';

/** A defect that the test kit can plant: `src/testing/sabotage` does, which a command may not load. A test compares the two. */
export interface KnownDefect {
  readonly name: string;
  /** What is broken, for a person. */
  readonly says: string;
}

export const DEFECTS: readonly KnownDefect[] = [
  { name: 'broadcast-emitter', says: "every socket gets every user's events" },
  { name: 'shared-memory', says: "a user's rows appear at another user's" },
  { name: 'foreign-run', says: 'who knows the id of a run of another user can read it' },
  { name: 'pointer-not-reset', says: 'getExecutionEngineFactory() finds a runtime that is closed' },
  { name: 'skipped-phase', says: 'a boot skips the phase in which it tries itself out' },
  { name: 'lost-terminal-event', says: 'the last event of a run never reaches the log' },
  { name: 'doubled-event', says: 'the outcome of a tool call is in the log twice' },
  { name: 'lost-cancel', says: 'a run that a user cancels goes on' },
  { name: 'committed-failure', says: 'a transaction that failed is committed' },
  { name: 'undisposed-engine', says: 'engines that the house made are never disposed' },
];

/** The value of --only. */
export function parseDefects(text: string): readonly string[] {
  const names = text.split(',').map((name) => name.trim());
  const unknown = names.find((name) => DEFECTS.every((defect) => defect.name !== name));
  if (unknown === undefined) return names;
  throw new InvalidArgumentError(
    `There is no defect ${JSON.stringify(unknown)}; there are ${DEFECTS.map(({ name }) => name).join(', ')}.`,
  );
}
