import { isEnginehouseError } from '../../base/errors.ts';
import { assertBootedLikeProduction, type Booted } from '../parity/check-parity.ts';
import type { ParityOptions } from '../parity/production-entry.ts';

declare module 'vitest' {
  interface Matchers<R extends void | Promise<void> = void | Promise<void>, T = unknown> {
    /** That the runtime went through the phases of the project's production entry, with the same parts. Await it. */
    toHaveBootedLikeProduction(this: Matchers<R, T>, options?: ParityOptions): Promise<void>;
  }
}

interface MatcherAnswer {
  readonly pass: boolean;
  readonly message: () => string;
}

/** For `expect.extend`. An entry that does not boot rejects, with or without `.not`. */
export const parityMatchers = {
  async toHaveBootedLikeProduction(runtime: Booted, options?: ParityOptions): Promise<MatcherAnswer> {
    try {
      await assertBootedLikeProduction(runtime, options);
      return { pass: true, message: () => 'the runtime booted as production does' };
    } catch (error) {
      if (!isEnginehouseError(error, 'BOOT_DIFFERS')) throw error;
      const lines = [error.message.split(': ', 1)[0] ?? '', ...error.details.differences.map((line) => `  ${line}`)];
      return { pass: false, message: () => [...lines, `cure: ${error.cure}`].join('\n') };
    }
  },
};
