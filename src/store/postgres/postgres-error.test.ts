import { DatabaseError } from 'pg';
import { expect, test } from 'vitest';

import { EnginehouseError } from '../../base/errors.ts';
import { asStoreError, isDisconnect, isOfStatement, isSurprise, isTimeout } from './postgres-error.ts';

function fromServer(code: string, message = 'it failed'): DatabaseError {
  return Object.assign(new DatabaseError(message, message.length, 'error'), { code, severity: 'ERROR' });
}

function fromSocket(code: string): Error {
  return Object.assign(new Error(`read ${code}`), { code });
}

test('a full disk is STORE_FULL, and the message says that nothing was written', () => {
  const cause = fromServer('53100', 'could not extend file: No space left on device');

  const error = asStoreError(cause, 'postgres://db/house', 'append');

  expect(error).toMatchObject({ code: 'STORE_FULL', details: { file: 'postgres://db/house' }, cause });
  expect(error.message).toBe('postgres://db/house has no room, append wrote nothing');
});

test('a statement that took too long is STORE_FAILED and says so', () => {
  const cause = fromServer('57014', 'canceling statement due to statement timeout');

  const error = asStoreError(cause, 'postgres://db/house', 'append');

  const reason = 'canceling statement due to statement timeout';
  expect(error).toMatchObject({ code: 'STORE_FAILED', details: { operation: 'append', reason }, cause });
  expect(error.message).toBe(`append failed on postgres://db/house: ${reason}`);
});

test('statements that a pooler mixed up have a cure of their own', () => {
  for (const code of ['26000', '42P05'])
    expect(asStoreError(fromServer(code), 'db', 'append').cure).toContain('store.prepare');
});

test('an error that has a code stays as it is', () => {
  const error = new EnginehouseError('CLOSED', 'the store is closed', { what: 'store' });

  expect(asStoreError(error, 'db', 'append')).toBe(error);
});

test('of several addresses that were tried, the first failure is the reason', () => {
  const tried = new AggregateError([fromSocket('ECONNREFUSED'), fromSocket('ENETUNREACH')]);

  expect(asStoreError(tried, 'db', 'open')).toMatchObject({ details: { reason: 'read ECONNREFUSED' } });
  expect(isDisconnect(tried)).toBe(true);
});

test.each<[string, unknown, Partial<Record<'disconnect' | 'timeout' | 'surprise' | 'statement', true>>]>([
  ['a server that is stopped', fromServer('57P01'), { disconnect: true }],
  ['a server that starts', fromServer('57P03'), { disconnect: true }],
  ['a broken protocol', fromServer('08P01'), { disconnect: true }],
  ['a socket that is reset', fromSocket('ECONNRESET'), { disconnect: true }],
  ['a client that lost its server', new Error('Connection terminated unexpectedly'), { disconnect: true }],
  ['a statement past its time', fromServer('57014'), { timeout: true }],
  ['an answer that does not come', new Error('Query read timeout'), { timeout: true }],
  ['no connection in time', new Error('timeout exceeded when trying to connect'), { timeout: true }],
  ['connecting that hangs', new Error('Connection terminated due to connection timeout'), { timeout: true }],
  ['a log that stands elsewhere', fromServer('EH001'), { surprise: true, statement: true }],
  ['a run that is there already', fromServer('23505'), { surprise: true, statement: true }],
  ['a deadlock', fromServer('40P01'), { surprise: true, statement: true }],
  ['a full disk', fromServer('53100'), { statement: true }],
  ['a text that cannot be kept', fromServer('22021'), { statement: true }],
  ['a fault of ours', new TypeError('x is not a function'), {}],
  ['an error that has a code', new EnginehouseError('CLOSED', 'closed', { what: 'store' }), {}],
])('what %s is', (_what, error, is) => {
  expect({
    disconnect: isDisconnect(error),
    timeout: isTimeout(error),
    surprise: isSurprise(error),
    statement: isOfStatement(error),
  }).toEqual({ disconnect: false, timeout: false, surprise: false, statement: false, ...is });
});
