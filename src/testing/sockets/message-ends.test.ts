import fc from 'fast-check';
import { expect, test } from 'vitest';

import { MessageEnds } from './message-ends.ts';

const HEAD = Buffer.from('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n');

const TEXT = 0x81;
const FIRST_PART = 0x01;
const LAST_PART = 0x80;
const PING = 0x89;

test('a message ends where its frame ends, whatever its length, in whatever pieces it comes', () => {
  const opcode = fc.constantFrom(TEXT, FIRST_PART, LAST_PART, PING);
  const length = fc.oneof(fc.integer({ min: 0, max: 300 }), fc.constantFrom(125, 126, 65_535, 65_536, 70_000));
  const frames = fc.array(fc.record({ opcode, length }), { maxLength: 12 });
  fc.assert(
    fc.property(frames, fc.array(fc.integer({ min: 1, max: 40_000 }), { minLength: 1 }), (said, sizes) => {
      const expected: number[] = [];
      const parts: Buffer[] = [HEAD];
      let bytes = HEAD.length;
      for (const { opcode: first, length: payload } of said) {
        const whole = frame(first, payload);
        parts.push(whole);
        bytes += whole.length;
        if (first === TEXT || first === LAST_PART) expected.push(bytes);
      }
      expect(endsIn(Buffer.concat(parts), sizes)).toEqual(expected);
    }),
    { numRuns: 200 },
  );
});

test('an answer that refuses the upgrade has no messages, whatever its body looks like', () => {
  const body = Buffer.concat([frame(TEXT, 5), frame(TEXT, 5)]);
  const answer = Buffer.concat([Buffer.from('HTTP/1.1 401 Unauthorized\r\n\r\n'), body]);

  expect(endsIn(answer, [7])).toEqual([]);
});

function frame(opcode: number, length: number): Buffer {
  const head = length < 126 ? Buffer.alloc(2) : Buffer.alloc(length < 65_536 ? 4 : 10);
  head.writeUInt8(opcode, 0);
  if (length < 126) head.writeUInt8(length, 1);
  else if (length < 65_536) {
    head.writeUInt8(126, 1);
    head.writeUInt16BE(length, 2);
  } else {
    head.writeUInt8(127, 1);
    head.writeBigUInt64BE(BigInt(length), 2);
  }
  return Buffer.concat([head, Buffer.alloc(length, 0x81)]);
}

/** Where messages end in the whole, seen in pieces of these sizes, over and over. */
function endsIn(whole: Buffer, sizes: readonly number[]): readonly number[] {
  const messageEnds = new MessageEnds();
  const ends: number[] = [];
  for (let at = 0, piece = 0; at < whole.length; piece += 1) {
    const size = sizes[piece % sizes.length] ?? 1;
    for (const end of messageEnds.in(whole.subarray(at, at + size))) ends.push(at + end);
    at += size;
  }
  return ends;
}
