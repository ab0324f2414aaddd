import { asEnginehouseError } from '../../base/errors.ts';

/** What one look found. */
export interface Finding {
  /** `warn` does not keep the server from starting. */
  readonly status: 'ok' | 'warn' | 'fail';
  readonly name: string;
  readonly says: string;
  readonly cure?: string;
  /** What a superuser runs in this database to cure it. */
  readonly sql?: string;
}

export function finding(status: Finding['status'], name: string, says: string, cure?: string): Finding {
  return { status, name, says, ...(cure === undefined ? {} : { cure }) };
}

/** A finding whose cure is SQL for an administrator. */
export function curedBySql(found: Finding, ...sql: readonly string[]): Finding {
  return { ...found, cure: 'Run as a superuser, in this database:', sql: sql.join(' ') };
}

export function failure(name: string, thrown: unknown): Finding {
  const { code, message, cure } = asEnginehouseError(thrown, 'INTERNAL');
  return finding('fail', name, `${code}: ${message}`, cure);
}
