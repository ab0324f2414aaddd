import type { Owner } from '../../context/ids.ts';
import type { AgentDatabases } from '../../event/database-session-manager.ts';
import type { Store } from '../../event/store.ts';
import type { EnginehouseRuntime } from '../../startup/runtime.ts';

/** Called each time that the defect does its harm: a suite which gives it no occasion cannot notice it. */
export type Bit = () => void;

/**
 * One way in which a runtime can be broken. It is a real fault in a real part:
 * nothing that reports is touched, so whoever notices has noticed the fault.
 */
export interface Defect {
  /** Breaks the store. What the kit puts around it stands around this. */
  readonly store?: (store: Store, bit: Bit) => Store;
  /** Breaks the databases of the application's tables. */
  readonly databases?: (databases: AgentDatabases, bit: Bit) => AgentDatabases;
  /** Breaks parts of a booted runtime. */
  readonly runtime?: (runtime: EnginehouseRuntime, bit: Bit) => void;
  /** Breaks classes of the house, for the process; returns what mends them. */
  readonly classes?: (bit: Bit) => () => void;
}

/** Whom no defect touches: the boot and the kit try a runtime out with them, and would refuse every one. */
export function isTrialUser({ tenantId, userId }: Owner): boolean {
  return tenantId === 'enginehouse' || userId.startsWith('verifier-');
}
