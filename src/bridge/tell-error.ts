import { inspect } from 'node:util';

import { asEnginehouseError, type EnginehouseError, type ErrorJson } from '../base/errors.ts';
import type { Log } from '../base/log.ts';

/**
 * What a peer is told of a failure. One that is the server's own (500, and 507
 * for a full disk) is logged here, once, and told by code, cure and ref: its
 * words may name files and queries, and those stay in the house.
 */
export function tellError(thrown: unknown, log: Log, where: Readonly<Record<string, unknown>>): ErrorJson {
  const error = asEnginehouseError(thrown, 'INTERNAL');
  if (!isOurs(error)) return error.toJSON();
  const { code, ref } = error;
  log('error', `a socket met a failure: ${error.message}`, { ...where, code, ref, error: inspect(error) });
  return { ...error.toJSON(), message: 'the server failed; its log has the reason under this ref', details: {} };
}

function isOurs({ status }: EnginehouseError): boolean {
  return status === 500 || status === 507;
}
