/**
 * CRC-32 (ISO 3309, as in zlib), continued from an earlier value. Written here
 * because a browser has none; Node's own is used on the server (`node:zlib`),
 * and a test compares the two.
 */
const TABLE = Uint32Array.from({ length: 256 }, (_, index) => {
  let value = index;
  for (let bit = 0; bit < 8; bit += 1) value = value & 1 ? (value >>> 1) ^ 0xed_b8_83_20 : value >>> 1;
  return value;
});

const encoder = new TextEncoder();

export function crc32(text: string, previous = 0): number {
  let value = ~previous;
  for (const byte of encoder.encode(text)) value = (value >>> 8) ^ (TABLE[(value ^ byte) & 0xff] ?? 0);
  return ~value >>> 0;
}
