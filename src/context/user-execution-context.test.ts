import { expect, test } from 'vitest';

import type { Json } from '../base/canonical-json.ts';
import { runId } from './ids.ts';
import { LIMITS } from './limits.ts';
import { UserExecutionContext, type ContextRequest } from './user-execution-context.ts';

const ada: ContextRequest = { userId: 'ada', threadId: 't1', runId: 'r1' };

test('a request becomes a context with its defaults', () => {
  const context = UserExecutionContext.fromRequest(ada);

  expect(context).toMatchObject({
    tenantId: 'default',
    userId: 'ada',
    threadId: 't1',
    runId: 'r1',
    roles: ['user'],
    metadata: {},
    operations: [],
    parentRequestId: undefined,
    depth: 0,
  });
  expect(UserExecutionContext.fromRequest(ada).requestId).not.toBe(context.requestId);
});

test('C1: nothing of a context can be changed, however deep', () => {
  const context = UserExecutionContext.fromRequest({ ...ada, metadata: { plan: { seats: [1, { max: 2 }] } } }).child(
    'search',
  );

  expect(unfrozen(context)).toEqual([]);
  expect(() => Object.assign(context, { userId: 'bob' })).toThrow(TypeError);
  expect(() => (context.roles as string[]).push('admin')).toThrow(TypeError);
  expect(context.userId).toBe('ada');
});

test('C1: two contexts share no object with the request they were made of, nor with each other', () => {
  const request = { ...ada, roles: ['user'], metadata: { plan: { seats: 1 } } };
  const [first, second] = [UserExecutionContext.fromRequest(request), UserExecutionContext.fromRequest(request)];

  request.roles.push('admin');
  request.metadata.plan.seats = 99;

  expect([first.roles, first.metadata]).toEqual([['user'], { plan: { seats: 1 } }]);
  expect(first.metadata['plan']).not.toBe(second.metadata['plan']);
  expect(first.roles).not.toBe(second.roles);
});

test('C3: a child keeps user, thread and run, and knows its parent', () => {
  const context = UserExecutionContext.fromRequest({ ...ada, roles: ['admin'], metadata: { plan: 'gold' } });
  const child = context.child('search');

  expect(child).toMatchObject({
    userId: 'ada',
    threadId: 't1',
    runId: 'r1',
    roles: ['admin'],
    metadata: { plan: 'gold' },
    operations: ['search'],
    parentRequestId: context.requestId,
    depth: 1,
  });
  expect(child.requestId).not.toBe(context.requestId);
});

test('C3: the eleventh level is refused, whichever way it is reached', () => {
  let context = UserExecutionContext.fromRequest(ada);
  for (let level = 1; level <= 10; level += 1)
    context = level % 2 === 0 ? context.child('deeper') : context.forChildRun(runId(`r${level}`), 'deeper');

  expect(context.depth).toBe(10);
  expect(() => context.child('too deep')).toThrowError(expect.objectContaining({ code: 'CONTEXT_INVALID' }));
  expect(() => context.forChildRun(runId('r11'), 'too deep')).toThrowError(
    expect.objectContaining({ code: 'CONTEXT_INVALID' }),
  );
});

test.each(['userId', 'threadId', 'runId', 'tenantId'] as const)('a malformed %s is named', (field) => {
  expect(() => UserExecutionContext.fromRequest({ ...ada, [field]: 'a\u0007b' })).toThrowError(
    expect.objectContaining({ code: 'ID_INVALID', details: { field, received: 'a\u0007b' } }),
  );
});

test.each([
  ['a role that is no text', { roles: ['user', 7] }, 'roles'],
  ['roles that are no list', { roles: 'admin' }, 'roles'],
  ['33 roles', { roles: Array(33).fill('user') }, 'roles'],
  ['a role of 65 characters', { roles: ['x'.repeat(65)] }, 'roles'],
  ['metadata that is a list', { metadata: [1] }, 'metadata'],
  ['metadata that is a text', { metadata: 'gold' }, 'metadata'],
  ['metadata with a bigint', { metadata: { seats: 1n } }, 'metadata'],
  ['metadata with a cycle', { metadata: cycle() }, 'metadata'],
  ['metadata of 16 KB and more', { metadata: { note: 'x'.repeat(LIMITS.metadataBytes.default) } }, 'metadata'],
  ['metadata of 16 KB and more in a script of three bytes', { metadata: { note: '漢'.repeat(6_000) } }, 'metadata'],
  ['metadata without a bottom', { metadata: { deep: nested(7_000) } }, 'metadata'],
])('%s is refused, and the field is named', (_what, wrong, field) => {
  expect(() => UserExecutionContext.fromRequest({ ...ada, ...wrong } as ContextRequest)).toThrowError(
    expect.objectContaining({ code: 'CONTEXT_INVALID', details: expect.objectContaining({ field }) }),
  );
});

test('a key named __proto__ in metadata is data', () => {
  const metadata = JSON.parse('{"__proto__":{"admin":true}}') as Record<string, Json>;

  const context = UserExecutionContext.fromRequest({ ...ada, metadata });

  expect(Object.keys(context.metadata)).toEqual(['__proto__']);
  expect(Object.getPrototypeOf(context.metadata)).toBe(Object.prototype);
});

test('an operation has a name, and a short one', () => {
  const context = UserExecutionContext.fromRequest(ada);

  for (const operation of ['', 'x'.repeat(129), 'a\nb', 7 as never]) {
    expect(() => context.child(operation)).toThrowError(
      expect.objectContaining({ code: 'CONTEXT_INVALID', details: expect.objectContaining({ field: 'operations' }) }),
    );
  }
});

test('a context that an earlier process kept comes back as it was, and immutable', () => {
  const { roles, metadata, operations } = UserExecutionContext.fromRequest({
    ...ada,
    roles: ['admin'],
    metadata: { plan: { seats: 1 } },
  }).child('search');

  const owner = UserExecutionContext.fromRequest(ada);
  const restored = UserExecutionContext.restore(owner, owner, JSON.stringify({ roles, metadata, operations }));

  expect(restored).toMatchObject({ userId: 'ada', runId: 'r1', roles, metadata, operations });
  expect(unfrozen(restored)).toEqual([]);
});

/** The paths of what could be changed. */
function unfrozen(value: unknown, path = 'context'): readonly string[] {
  if (typeof value !== 'object' || value === null) return [];
  const inner = Object.entries(value).flatMap(([key, each]) => unfrozen(each, `${path}.${key}`));
  return Object.isFrozen(value) ? inner : [path, ...inner];
}

function cycle(): unknown {
  const self: Record<string, unknown> = {};
  self['self'] = self;
  return self;
}

function nested(levels: number): unknown {
  let value: unknown = 1;
  for (let level = 0; level < levels; level += 1) value = [value];
  return value;
}
