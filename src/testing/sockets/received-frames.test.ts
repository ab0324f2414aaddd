import { expect, test } from 'vitest';

import { ReceivedFrames } from './received-frames.ts';

test('it keeps every frame, in its order', () => {
  const frames = recorded(['a', 'b'], { frames: 2, characters: 2 });

  expect(frames.kept.map(({ text }) => text)).toEqual(['a', 'b']);
  expect(frames.truncated).toBe(false);
});

test('full, it counts and says so, and what it keeps has no gap', () => {
  const byFrames = recorded(['a', 'b', 'c'], { frames: 2, characters: 100 });
  const byCharacters = recorded(['a', 'longer', 'c'], { frames: 100, characters: 3 });

  expect([byFrames.kept.length, byFrames.count, byFrames.truncated]).toEqual([2, 3, true]);
  expect([byCharacters.kept.length, byCharacters.count, byCharacters.truncated]).toEqual([1, 3, true]);
});

function recorded(texts: readonly string[], limits: { frames: number; characters: number }): ReceivedFrames {
  const frames = new ReceivedFrames(limits);
  texts.forEach((text, at) => frames.add({ text, at, socket: 1 }));
  return frames;
}
