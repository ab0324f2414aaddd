/** The oldest version that the store is made for. */
export const LEAST_VERSION = 15;

/** Where the programs of a private server come from. */
export type BinarySource = 'installed' | 'npm';

export interface Binaries {
  readonly source: BinarySource;
  /** Such as `15.18`. */
  readonly version: string;
  /** The folder of `initdb` and `postgres`. */
  readonly bin: string;
}

/** Takes a note of what was looked at and cannot be used, and why. */
export type LookedFor = (what: string) => void;

/** `15.18` of `postgres (PostgreSQL) 15.18 (Debian …)` or of `15.18.0-beta.2`; `undefined` when there is no number. */
export function versionIn(text: string): string | undefined {
  return /\b\d+(?:\.\d+|(?:beta|rc|devel)\d*)?/.exec(text)?.[0];
}

export function isNewEnough(version: string): boolean {
  return Number.parseInt(version, 10) >= LEAST_VERSION;
}
