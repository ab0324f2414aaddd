import { getEventListeners } from 'node:events';
import { expect, test } from 'vitest';

import { LinkedSignal } from './linked-signal.ts';

test('a linked signal aborts with the reason of whichever parent aborts first', () => {
  const [run, engine] = [new AbortController(), new AbortController()];
  using link = new LinkedSignal([run.signal, engine.signal]);

  engine.abort('engine_disposed');
  run.abort('too late to matter');

  expect(link.signal.reason).toBe('engine_disposed');
});

test('a linked signal of an aborted parent is born aborted', () => {
  using link = new LinkedSignal([new AbortController().signal, AbortSignal.abort('over')]);

  expect(link.signal.reason).toBe('over');
});

test('aborting a link leaves its parents alone', () => {
  const run = new AbortController();
  using link = new LinkedSignal([run.signal]);

  link.abort('deadline');

  expect(link.signal.reason).toBe('deadline');
  expect(run.signal.aborted).toBe(false);
});

test('a disposed link leaves nothing on its parent, which may live long', () => {
  const server = new AbortController();
  for (let run = 0; run < 100; run += 1) {
    using link = new LinkedSignal([server.signal]);
    expect(link.signal.aborted).toBe(false);
  }

  expect(getEventListeners(server.signal, 'abort')).toEqual([]);
});
