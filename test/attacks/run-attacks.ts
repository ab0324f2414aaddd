import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import type { Attack, House } from './attack.ts';

/** Makes a test of each attack that applies. `open` runs once. */
export function runAttacks(title: string, attacks: readonly Attack[], open: () => Promise<House>): void {
  describe(title, () => {
    let house: House;

    beforeAll(async () => {
      house = await open();
    });

    afterAll(() => house[Symbol.asyncDispose]());

    test.for(attacks.map((attack) => [attack.name, attack] as const))('Bob %s: nothing', async ([, attack]) => {
      await house.refill();
      const before = await house.victims();
      expect(before).toContain('canary');
      await attack.real(house);

      attack.expectation(await attack.attempt(house), house);

      expect(await house.victims()).toBe(before);
    });
  });
}
