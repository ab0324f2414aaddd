import { z } from 'zod';

import { ID_MAX_LENGTH } from './ids.ts';
import type { ClientFrame } from './wire.ts';

const stream = z
  .string()
  .startsWith('run:')
  .max(4 + ID_MAX_LENGTH);
const cursor = z.object({ epoch: z.string().max(64), after: z.int().min(0) });
const from = z.union([z.enum(['start', 'live']), cursor]);
const commandId = z.string().min(1).max(ID_MAX_LENGTH);

/** Client frames of `enginehouse.v1`. Unknown fields are dropped; a malformed known one is an error. */
export const clientFrameSchema: z.ZodType<ClientFrame> = z.union([
  z.object({
    t: z.literal('hello'),
    v: z.literal(1),
    client: z.object({ name: z.string().max(64), ver: z.string().max(64) }).optional(),
    subs: z
      .array(z.union([z.object({ s: stream, from }), cursor.extend({ s: stream })]))
      .max(200)
      .optional(),
    window: z.int().min(4_096).optional(),
  }),
  z.object({ t: z.literal('sub'), s: stream, from }),
  z.object({ t: z.literal('unsub'), s: stream }),
  z.object({ t: z.literal('ack'), c: z.record(z.string(), z.int().min(0)) }),
  z.object({
    t: z.literal('cmd'),
    id: commandId,
    op: z.literal('run.start'),
    a: z.object({
      agent: z.string().min(1).max(128),
      input: z.unknown(),
      runId: z.string().optional(),
      threadId: z.string().optional(),
    }),
  }),
  z.object({
    t: z.literal('cmd'),
    id: commandId,
    op: z.literal('run.cancel'),
    a: z.object({ runId: z.string(), reason: z.string().max(1_000).optional() }),
  }),
  z.object({ t: z.literal('ping'), n: z.number() }),
]);

/** Frame types this server understands; others are ignored, as the protocol asks. */
export const CLIENT_FRAME_TYPES: ReadonlySet<string> = new Set(['hello', 'sub', 'unsub', 'ack', 'cmd', 'ping']);
