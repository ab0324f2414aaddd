import { expect, test } from 'vitest';
import { z } from 'zod';

import { tool, type ToolOptions } from './tool.ts';

const sound = { description: 'Counts.', inputSchema: z.object({ word: z.string() }), execute: () => 1 };

test('a tool is what was declared, and cannot be changed', () => {
  const roles = ['clerk'];
  const made = tool({ ...sound, idempotent: true, timeoutMs: 5, roles });
  roles.push('everybody');

  expect(made).toMatchObject({ description: 'Counts.', idempotent: true, timeoutMs: 5, roles: ['clerk'] });
  expect(Object.isFrozen(made) && Object.isFrozen(made.roles)).toBe(true);
  expect(tool(sound)).toMatchObject({ idempotent: false, timeoutMs: undefined, roles: undefined });
});

test('any Standard Schema will do', () => {
  const validate = (value: unknown) => ({ value });
  const inputSchema = { '~standard': { version: 1, vendor: 'somebody', validate } } as const;

  expect(tool({ ...sound, inputSchema }).inputSchema).toBe(inputSchema);
});

test.each([
  ['description', undefined],
  ['description', ''],
  ['inputSchema', undefined],
  ['inputSchema', { type: 'object' }],
  ['execute', undefined],
  ['execute', 'now'],
  ['timeoutMs', 0],
  ['timeoutMs', -1],
  ['timeoutMs', 1.5],
  ['timeoutMs', '30s'],
  ['timeoutMs', Number.NaN],
  ['idempotent', 'yes'],
  ['roles', 'clerk'],
  ['roles', []],
  ['roles', ['']],
  ['roles', [7]],
])('the option %s cannot be %j', (option, wrong) => {
  expect(() => tool({ ...sound, [option]: wrong } as ToolOptions<typeof sound.inputSchema, number>)).toThrowError(
    expect.objectContaining({ code: 'CONFIG_INVALID', details: expect.objectContaining({ option: `tool.${option}` }) }),
  );
});
