import { EnginehouseError, type ErrorCode, type ErrorDetails } from '../../base/errors.ts';
import type { WriteResult } from './writes.ts';

/** How one write ended, as plain data that another thread can be told. */
export type Outcome = { readonly result: WriteResult } | { readonly refusal: Refusal };

export interface Refusal {
  readonly code: ErrorCode;
  readonly message: string;
  readonly details: ErrorDetails[ErrorCode];
  readonly cure: string;
}

export function asRefusal({ code, message, details, cure }: EnginehouseError): Refusal {
  return { code, message, details, cure };
}

/** The error again, on the side of who asked. */
export function asError({ code, message, details, cure }: Refusal): EnginehouseError {
  return new EnginehouseError(code, message, details, { cure });
}
