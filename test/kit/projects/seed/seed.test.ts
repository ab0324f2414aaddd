import { expect, test } from '../../../../src/testing/vitest/index.ts';

test('a test that draws and passes', ({ seed }) => {
  expect(seed.int(6)).toBeLessThan(6);
});

test('a test that draws and fails', ({ seed }) => {
  throw new Error(`it drew ${seed.random()},${seed.hex(8)} and was not lucky`);
});
