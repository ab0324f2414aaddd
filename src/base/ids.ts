/** Ids and randomness come in through this port, so that a test can fix them. */
export interface Ids {
  /** A fresh opaque id. */
  next(): string;
  /** A number from 0 up to, not including, 1. */
  random(): number;
}

export const systemIds: Ids = {
  next: () => crypto.randomUUID(),
  random: () => Math.random(),
};
