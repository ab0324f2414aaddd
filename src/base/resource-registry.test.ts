import { expect, test } from 'vitest';

import { ResourceRegistry } from './resource-registry.ts';

test('what is open is told oldest first, with its owner, until it is closed', () => {
  const resources = new ResourceRegistry();
  const engineClosed = resources.opened('engine', 'run-1', 'ada');
  resources.opened('store', ':memory:');

  expect(resources.remaining()).toEqual([
    { kind: 'engine', name: 'run-1', owner: 'ada', origin: undefined },
    { kind: 'store', name: ':memory:', owner: undefined, origin: undefined },
  ]);
  expect(resources.remaining('store')).toHaveLength(1);
  engineClosed();
  engineClosed();
  expect(resources.remaining().map(({ kind }) => kind)).toEqual(['store']);
});

test('two of one name are two', () => {
  const resources = new ResourceRegistry();
  const first = resources.opened('socket', 'ada', 'ada');
  resources.opened('socket', 'ada', 'ada');

  first();

  expect(resources.remaining()).toHaveLength(1);
});

test('an origin points at the line that opened it, when origins are kept', () => {
  const resources = new ResourceRegistry({ keepOrigins: true });

  resources.opened('follower', 'run-1');

  expect(resources.remaining().at(0)?.origin).toContain('resource-registry.test.ts');
});

test('what only the house opens has no origin: it would say nothing of who forgot it', () => {
  const resources = new ResourceRegistry({ keepOrigins: true });

  resources.opened('timer', 'tick');
  resources.opened('engine', 'run-1', 'ada', { ofHouse: true });

  expect(resources.remaining().map(({ origin }) => origin)).toEqual([undefined, undefined]);
});
