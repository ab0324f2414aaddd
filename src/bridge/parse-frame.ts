import { EnginehouseError } from '../base/errors.ts';
import { CLIENT_FRAME_TYPES, clientFrameSchema } from '../context/wire-schema.ts';
import type { ClientFrame } from '../context/wire.ts';

/** The reason when a hello asks for a version that is not spoken here. */
export const NO_COMMON_VERSION = 'this server speaks version 1 of the protocol';

/**
 * Reads one inbound frame. `undefined` for a type that this server does not
 * know, which the protocol asks to ignore.
 *
 * @throws `FRAME_INVALID` when it is not JSON, not an object with a type, or a known type of another shape.
 */
export function parseFrame(text: string): ClientFrame | undefined {
  const value = parseJson(text);
  const type = typeof value === 'object' && value !== null && 't' in value ? value.t : undefined;
  if (typeof type !== 'string') throw frameInvalid('a frame is a JSON object with a string "t"');
  if (!CLIENT_FRAME_TYPES.has(type)) return undefined;
  if (type === 'hello' && isOtherVersion(value)) throw frameInvalid(NO_COMMON_VERSION);
  const parsed = clientFrameSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw frameInvalid(`the frame of type ${JSON.stringify(type)} is malformed`);
}

export function frameInvalid(reason: string): EnginehouseError<'FRAME_INVALID'> {
  return new EnginehouseError('FRAME_INVALID', reason, { reason });
}

function isOtherVersion(hello: unknown): boolean {
  return typeof hello === 'object' && hello !== null && 'v' in hello && Number.isInteger(hello.v) && hello.v !== 1;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw frameInvalid('a frame is one JSON object as text');
  }
}
