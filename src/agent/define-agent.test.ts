import { expect, test } from 'vitest';
import { z } from 'zod';

import { tool } from '../tool/tool.ts';
import { AgentRegistry } from './agent-registry.ts';
import { defineAgent, defineOwnAgent, type AgentOptions } from './define-agent.ts';

type Anything = AgentOptions<z.ZodType, Record<never, never>>;

test('an agent is what was declared, and cannot be changed', () => {
  const count = tool({ description: 'Counts.', inputSchema: z.string(), execute: (text) => text.length });
  const [tools, continues] = [{ count }, ['1']];
  const agent = defineAgent({
    name: 'counter',
    version: '2',
    description: 'd',
    tools,
    continues,
    timeoutMs: 5,
    run: () => 1,
  });
  continues.push('0');
  Object.assign(tools, { another: count });

  expect(agent).toMatchObject({ name: 'counter', version: '2', description: 'd', continues: ['1'], timeoutMs: 5 });
  expect(Object.keys(agent.tools)).toEqual(['count']);
  expect([agent, agent.tools, agent.continues].every(Object.isFrozen)).toBe(true);
});

test('what is left open has a default', () => {
  expect(defineAgent({ name: 'a', run: () => 1 })).toMatchObject({
    version: '1',
    description: '',
    inputSchema: undefined,
    tools: {},
    timeoutMs: undefined,
    continues: [],
  });
});

test('every instance is a fresh one', () => {
  const agent = defineAgent({ name: 'a', run: () => 1 });

  expect(agent.create()).not.toBe(agent.create());
});

test.each(['a', 'A-b_9', 'x'.repeat(64), 'demo', 'constructor', '__proto__'])(
  '%j is a name, and is found by it',
  (name) => {
    const agent = defineAgent({ name, run: () => 1 });

    expect(new AgentRegistry([agent]).get(name)).toBe(agent);
  },
);

test.each([
  ['name', ''],
  ['name', 'x'.repeat(65)],
  ['name', 'a b'],
  ['name', 'enginehouse.readiness'],
  ['name', 'ö'],
  ['name', undefined],
  ['name', 7],
])('an agent’s %s cannot be %j', (option, wrong) => {
  expect(() => defineAgent({ name: 'a', run: () => 1, [option]: wrong } as Anything)).toThrowError(
    expect.objectContaining({
      code: 'AGENT_INVALID',
      details: { agent: String(wrong), reason: expect.stringContaining('name') },
    }),
  );
});

test.each([
  ['run', undefined],
  ['run', 'now'],
  ['version', ''],
  ['version', 2],
  ['timeoutMs', 0],
  ['timeoutMs', -1],
  ['timeoutMs', Number.NaN],
  ['timeoutMs', '5m'],
  ['continues', '1'],
  ['continues', [1]],
  ['inputSchema', { type: 'object' }],
  ['tools', [1]],
  ['tools', { count: () => 1 }],
  ['tools', { 'not a name': tool({ description: 'x', inputSchema: z.string(), execute: () => 1 }) }],
])('the option %s cannot be %j', (option, wrong) => {
  expect(() => defineAgent({ name: 'a', run: () => 1, [option]: wrong } as Anything)).toThrowError(
    expect.objectContaining({
      code: 'AGENT_INVALID',
      details: { agent: 'a', reason: expect.stringContaining(option) },
    }),
  );
});

test('agents of the house are not listed, and their names are reserved', () => {
  const own = defineOwnAgent({ name: 'readiness', run: () => 1 });
  const registry = new AgentRegistry([defineAgent({ name: 'a', run: () => 1 }), own]);

  expect(registry.list().map(({ name }) => name)).toEqual(['a']);
  expect(registry.get('enginehouse.readiness')).toBe(own);
});
