import { EnginehouseError } from '../base/errors.ts';

/** Bytes from `start` up to, not including, `end`. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

const RANGE = /^bytes=(?:(\d{1,15})-(\d{1,15})?|-(\d{1,15}))$/;

/**
 * The part of `bytes` bytes that a Range header asks for. Several parts, other
 * units and malformed headers ask for nothing: the answer is then the whole.
 *
 * @throws `RANGE_INVALID` when the range lies outside the content.
 */
export function parseByteRange(header: string | undefined, bytes: number): ByteRange | undefined {
  const [matched, from, to, suffix] = RANGE.exec(header ?? '') ?? [];
  if (matched === undefined) return undefined;
  if (from !== undefined && to !== undefined && Number(to) < Number(from)) return undefined;
  const start = from === undefined ? Math.max(0, bytes - Number(suffix)) : Number(from);
  const end = to === undefined ? bytes : Math.min(bytes, Number(to) + 1);
  if (start < end) return { start, end };
  throw new EnginehouseError('RANGE_INVALID', `${matched} lies outside the ${bytes} bytes of the content`, {
    received: matched,
    bytes,
  });
}
