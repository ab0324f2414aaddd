/**
 * Breaks the runtimes that the kit boots, in one known way, so that a suite can
 * be asked whether it notices. Nothing loads this unless ENGINEHOUSE_SABOTAGE is
 * set, and nothing but the test kit can.
 *
 *   D1. A defect is below what the kit puts around a part, as a fault of that
 *       part would be.
 *   D2. It says on standard error that it is there, and in the file that
 *       ENGINEHOUSE_SABOTAGE_REPORT names that it was planted and that it bit.
 *   D3. Disposing it mends what it broke for the process; runtimes stay broken.
 */

import { appendFileSync } from 'node:fs';

import { EnginehouseError } from '../../base/errors.ts';
import type { Seams } from '../../startup/config.ts';
import type { Environment } from '../../startup/resolve-config.ts';
import type { EnginehouseRuntime } from '../../startup/runtime.ts';
import type { Defect } from './defect.ts';
import { DEFECTS } from './defects.ts';

export interface SabotageOptions {
  /** Takes what it says of itself, a line each: `planted` and `bit`, each once. */
  readonly report?: (line: 'planted' | 'bit') => void;
}

export class Sabotage implements Disposable {
  readonly name: string;
  readonly #defect: Defect;
  readonly #report: (line: 'planted' | 'bit') => void;
  readonly #bit: () => void;
  readonly #mend: (() => void) | undefined;
  #planted = false;
  #bites = 0;

  /** @throws `CONFIG_INVALID` when there is no such defect */
  constructor(name: string, { report = () => undefined }: SabotageOptions = {}) {
    const defect = DEFECTS.get(name);
    if (defect === undefined) throw unknownDefect(name);
    this.name = name;
    this.#defect = defect;
    this.#report = report;
    this.#bit = () => {
      this.#bites += 1;
      if (this.#bites === 1) report('bit');
    };
    this.#mend = defect.classes?.(this.#bit);
  }

  /** How often it did its harm. */
  get bites(): number {
    return this.#bites;
  }

  /** D1: what `startup()` is to get in the place of these. */
  seams(seams: Seams): Seams {
    const { store, databases } = this.#defect;
    const { aroundStore, aroundDatabases } = seams;
    this.#plant();
    return {
      ...seams,
      ...(store && {
        aroundStore: (real) => {
          const broken = store(real, this.#bit);
          return aroundStore?.(broken) ?? broken;
        },
      }),
      ...(databases && {
        aroundDatabases: (real) => {
          const broken = databases(real, this.#bit);
          return aroundDatabases?.(broken) ?? broken;
        },
      }),
    };
  }

  /** To be called once the runtime has booted. */
  applyTo(runtime: EnginehouseRuntime): void {
    this.#plant();
    this.#defect.runtime?.(runtime, this.#bit);
  }

  /** D3 */
  [Symbol.dispose](): void {
    this.#mend?.();
  }

  /** D2 */
  #plant(): void {
    if (this.#planted) return;
    this.#planted = true;
    this.#report('planted');
  }
}

/** One per copy of this module: a runner may load the house twice in a process, and each copy has classes of its own. */
let active: Sabotage | undefined;

/**
 * The defect that ENGINEHOUSE_SABOTAGE names, planted in this process until it ends; `undefined` when none is named.
 *
 * @throws `CONFIG_INVALID` when there is no such defect
 */
export function sabotageFromEnv(env: Environment = process.env): Sabotage | undefined {
  const name = env['ENGINEHOUSE_SABOTAGE'] ?? '';
  if (name === '' || active?.name === name) return name === '' ? undefined : active;
  const file = env['ENGINEHOUSE_SABOTAGE_REPORT'] ?? '';
  active = new Sabotage(name, {
    report: (line) => {
      if (file !== '') appendFileSync(file, `${line}\n`);
    },
  });
  process.stderr.write(
    `enginehouse: SABOTAGE: the test runtimes of this process have the defect ${name}; unset ENGINEHOUSE_SABOTAGE to be rid of it\n`,
  );
  return active;
}

function unknownDefect(name: string): EnginehouseError {
  const known = [...DEFECTS.keys()].join(', ');
  const message = `ENGINEHOUSE_SABOTAGE must be one of ${known}, got ${JSON.stringify(name)}`;
  return new EnginehouseError('CONFIG_INVALID', message, { option: 'ENGINEHOUSE_SABOTAGE', received: name });
}
