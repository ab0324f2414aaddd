import type { Owner } from './ids.ts';

/** Who signed in, as a door found out. The only source of an owner. */
export interface Principal extends Owner {
  readonly roles: readonly string[];
  /** When the sign-in ends, in milliseconds since the Unix epoch; `undefined` for the local user of development mode. */
  readonly expiresAt: number | undefined;
}
