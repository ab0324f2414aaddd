import { expect, test } from 'vitest';
import { z } from 'zod';

import { validate } from './validate.ts';

test('a value that matches becomes what the schema makes of it', async () => {
  const schema = z.object({ n: z.int().default(7) });

  expect(await validate('tool x', schema, {})).toEqual({ n: 7 });
  expect(await validate('tool x', undefined, { any: 'thing' })).toEqual({ any: 'thing' });
});

test('each issue is one line with its place, and there are twenty at most', async () => {
  const schema = z.object({ items: z.array(z.object({ n: z.int() })), name: z.string() });
  const items = Array.from({ length: 30 }, () => ({ n: 'seven' }));

  const error = await validate('tool x', schema, { items }).catch((thrown: unknown) => thrown);

  expect(error).toMatchObject({ code: 'INPUT_INVALID', details: { what: 'tool x' } });
  const { issues } = (error as { details: { issues: readonly string[] } }).details;
  expect(issues).toHaveLength(20);
  expect(issues[0]).toMatch(/^items\.0\.n: /);
});

test('an issue of the whole value has no place', async () => {
  await expect(validate('agent a', z.string(), 7)).rejects.toMatchObject({
    details: { issues: [expect.stringMatching(/^Invalid input/)] },
  });
});

test('a place may be told in objects, as other schemas do', async () => {
  const issues = [{ message: 'is wrong', path: [{ key: 'a' }, 'b', { key: 0 }] }];
  const schema = { '~standard': { version: 1, vendor: 'test', validate: () => ({ issues }) } } as const;

  await expect(validate('agent a', schema, 7)).rejects.toMatchObject({ details: { issues: ['a.b.0: is wrong'] } });
});
