/** 1,000 tests of nothing. */

import { expect, test } from 'vitest';

for (let nth = 1; nth <= 1_000; nth += 1) {
  test(`test ${nth}`, () => {
    expect(nth).toBe(nth);
  });
}
