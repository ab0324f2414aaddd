import { expect, test } from 'vitest';

import { SendWindow } from './send-window.ts';

test('what is sent counts until it is acknowledged, cumulatively and per stream', () => {
  const window = new SendWindow(100);
  window.sent('run:a', 5, 60);
  window.sent('run:b', 2, 30);
  window.sent('run:a', 9, 20);
  expect(window.full).toBe(true);

  window.acknowledged('run:a', 8);
  expect(window.unacknowledgedBytes).toBe(50);
  window.acknowledged('run:a', 1_000);
  expect(window.unacknowledgedBytes).toBe(30);
  window.acknowledged('run:unknown', 1);
  window.forget('run:b');

  expect(window.unacknowledgedBytes).toBe(0);
});
