import { expect, test } from 'vitest';

import { EnginehouseError } from '../base/errors.ts';
import { FACTS } from '../base/error-table.ts';
import { answerOf } from './answer.ts';
import type { Log } from '../base/log.ts';

function recordingLog() {
  const lines: { level: string; message: string; details: unknown }[] = [];
  const log: Log = (level, message, details) => void lines.push({ level, message, details });
  return { lines, log };
}

test("the server's own fault is logged once with its cause, and its words stay there (A1)", () => {
  const { lines, log } = recordingLog();
  const cause = new Error('cannot open /var/lib/enginehouse/log.db');

  const answer = answerOf(cause, log, { path: '/api/runs' });

  expect(answer.status).toBe(500);
  expect(answer.body).toMatchObject({ code: 'INTERNAL', details: {} });
  expect(JSON.stringify(answer.body)).not.toContain('/var/lib');
  expect(lines).toHaveLength(1);
  expect(lines[0]).toMatchObject({
    level: 'error',
    details: { path: '/api/runs', code: 'INTERNAL', ref: answer.body.ref },
  });
  expect(JSON.stringify(lines)).toContain('/var/lib/enginehouse/log.db');
});

test('a full disk keeps its code and cure, and not the name of the file (A1)', () => {
  const { log } = recordingLog();

  const { status, body } = answerOf(
    new EnginehouseError('STORE_FULL', 'the disk of /data/log.db is full', { file: '/data/log.db' }),
    log,
    {},
  );

  expect(status).toBe(507);
  expect(body).toMatchObject({ code: 'STORE_FULL', cure: FACTS.STORE_FULL.cure, retry: 'after', details: {} });
  expect(JSON.stringify(body)).not.toContain('/data');
});

test('what the caller can change is told whole (A2)', () => {
  const { lines, log } = recordingLog();
  const error = new EnginehouseError(
    'QUEUE_FULL',
    'ada has 100 runs that wait',
    { userId: 'ada', limit: 100 },
    { retryAfterMs: 1_200 },
  );

  const answer = answerOf(error, log, {});

  expect(answer).toEqual({ status: 429, headers: { 'Retry-After': '2' }, body: error.toJSON() });
  expect(lines.map(({ level }) => level)).toEqual(['debug']);
});

test('every code has a status that carries a body', () => {
  for (const [code, { status }] of Object.entries(FACTS))
    expect([code, status >= 400 && status < 600]).toEqual([code, true]);
});
