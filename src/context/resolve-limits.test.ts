import { expect, test } from 'vitest';

import { LIMITS, type LimitName, type LimitOptions } from './limits.ts';
import { resolveLimits } from './resolve-limits.ts';

const names = Object.keys(LIMITS) as LimitName[];

test('without a word every limit has its default, finite and in its range', () => {
  const limits = resolveLimits();

  expect(Object.keys(limits)).toEqual(names);
  for (const name of names) {
    expect(limits[name]).toBe(LIMITS[name].default);
    expect(Number.isSafeInteger(limits[name])).toBe(true);
    expect(limits[name]).toBeGreaterThanOrEqual(LIMITS[name].least);
  }
  expect(Object.isFrozen(limits)).toBe(true);
});

test('one that is set is set, and the rest stay', () => {
  expect(resolveLimits({ runsPerUser: 9, queuePerUser: 0, childRuns: undefined })).toEqual({
    ...resolveLimits(),
    runsPerUser: 9,
    queuePerUser: 0,
  });
});

test.each(names.filter((name) => !('fixed' in LIMITS[name])))('%s refuses what is out of its range', (name) => {
  const { least } = LIMITS[name];

  expect(resolveLimits({ [name]: least })[name]).toBe(least);
  for (const wrong of [least - 1, least + 0.5, Number.NaN, Infinity, 2 ** 53, `${least}`, null]) {
    expect(() => resolveLimits({ [name]: wrong } as LimitOptions)).toThrowError(
      expect.objectContaining({
        code: 'CONFIG_INVALID',
        message: `limits.${name} must be a whole number from ${least} up, got ${String(wrong)}`,
        details: { option: `limits.${name}`, received: wrong },
      }),
    );
  }
});

test.each(names.filter((name) => 'fixed' in LIMITS[name]))('%s is fixed', (name) => {
  expect(() => resolveLimits({ [name]: LIMITS[name].default })).toThrowError(
    expect.objectContaining({ code: 'CONFIG_INVALID', message: `limits.${name} is fixed` }),
  );
});

test.each(['runsPerUsers', 'toString', '__proto__x'])('%s is no limit', (name) => {
  expect(() => resolveLimits({ [name]: 1 } as LimitOptions)).toThrowError(
    expect.objectContaining({ code: 'CONFIG_INVALID', details: { option: `limits.${name}`, received: name } }),
  );
});
