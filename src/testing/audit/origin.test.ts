import { expect, test } from 'vitest';

import { framesOf, originOf, placeOf, usefulPlace } from './origin.ts';

const house = new URL('../../', import.meta.url).href;
const stack = [
  'Error: a socket at /app/message.ts:1:1',
  '    at connect (node:net:261:17)',
  '    at new WebSocket (file:///app/node_modules/ws/lib/websocket.js:102:17)',
  `    at ResourceRegistry.opened (${house}base/resource-registry.ts:31:5)`,
  '    at async openThem (file:///app/test/orders.test.ts:12:3)',
  '    at async file:///app/test/orders.test.ts:40:1',
  '    at async node:internal/process/task_queues:104:5',
].join('\n');

test('an origin is the caller’s own frames, the nearest first', () => {
  expect(originOf(stack)).toBe(
    'at async openThem (/app/test/orders.test.ts:12:3)\nat async /app/test/orders.test.ts:40:1',
  );
  expect(originOf(undefined)).toBeUndefined();
  expect(originOf('Error: no frames')).toBeUndefined();
  expect(originOf('Error\n    at connect (node:net:261:17)')).toBeUndefined();
});

test('a frame of this house counts when it is of a test', () => {
  expect(originOf(`Error\n    at leak (${house}testing/audit/leak.test.ts:1:2)`)).toContain('leak.test.ts:1:2');
  expect(originOf(`Error\n    at leak (${house}testing/audit/leak.ts:1:2)`)).toBeUndefined();
});

test('a place ends with its function, known or not', () => {
  expect(usefulPlace(stack)).toBe('/app/test/orders.test.ts:12:3 in openThem');
  expect(usefulPlace('Error\n    at connect (node:net:261:17)')).toBe('node:net:261:17 in connect');
  expect(framesOf(stack).slice(4).map(placeOf)).toEqual([
    '/app/test/orders.test.ts:40:1 in a function without a name',
    'node:internal/process/task_queues:104:5 in a function without a name',
  ]);
});
