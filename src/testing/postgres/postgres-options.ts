import { resolve } from 'node:path';

import { EnginehouseError } from '../../base/errors.ts';

/** Where the server comes from: one that DATABASE_URL names, or a private one made of programs that are installed or in npm packages. */
export type PostgresSource = 'DATABASE_URL' | 'installed' | 'npm';

export interface TestPostgresOptions {
  /**
   * Take this one, or fail. @default ENGINEHOUSE_POSTGRES, else the first that is there, in the order of the type
   */
  readonly source?: PostgresSource;
  /** A server that is not stopped and not started. @default DATABASE_URL */
  readonly databaseUrl?: string;
  /** Whether a private server waits for the disk as in production, for benchmarks. @default false */
  readonly durable?: boolean;
  /**
   * A folder for private servers, instead of one in memory or for temporary files.
   * Servers in different folders are different. @default ENGINEHOUSE_POSTGRES_FOLDER
   */
  readonly folder?: string;
  /**
   * Milliseconds that a private server lives on when nobody holds it any more.
   * The longest that anybody asked for counts. @default ENGINEHOUSE_POSTGRES_GRACE_MS, else 10_000
   */
  readonly graceMs?: number;
}

export interface ResolvedPostgresOptions {
  readonly source: PostgresSource | undefined;
  readonly databaseUrl: string | undefined;
  readonly durable: boolean;
  readonly folder: string | undefined;
  readonly graceMs: number;
  readonly path: string;
}

type Environment = Readonly<Record<string, string | undefined>>;

const SOURCES: readonly PostgresSource[] = ['DATABASE_URL', 'installed', 'npm'];
export const LONGEST_GRACE_MS = 2 ** 31 - 1;

/** @throws `CONFIG_INVALID` naming the option and its variable. */
export function resolvePostgresOptions(
  options: TestPostgresOptions,
  env: Environment = process.env,
): ResolvedPostgresOptions {
  const source: string | undefined = options.source ?? said(env['ENGINEHOUSE_POSTGRES']);
  const known = SOURCES.find((one) => one === source);
  if (source !== known) throw invalid('source', 'ENGINEHOUSE_POSTGRES', `one of ${SOURCES.join(', ')}`, source);
  const graceMs = options.graceMs ?? Number(said(env['ENGINEHOUSE_POSTGRES_GRACE_MS']) ?? 10_000);
  if (!Number.isInteger(graceMs) || graceMs < 0 || graceMs > LONGEST_GRACE_MS) {
    throw invalid('graceMs', 'ENGINEHOUSE_POSTGRES_GRACE_MS', `a whole number from 0 to ${LONGEST_GRACE_MS}`, graceMs);
  }
  return {
    source: known,
    databaseUrl: options.databaseUrl ?? said(env['DATABASE_URL']),
    durable: options.durable ?? false,
    folder: absolute(options.folder ?? said(env['ENGINEHOUSE_POSTGRES_FOLDER'])),
    graceMs,
    path: env['PATH'] ?? '',
  };
}

/** A keeper runs in another working folder. */
function absolute(folder: string | undefined): string | undefined {
  return folder === undefined ? undefined : resolve(folder);
}

function said(value: string | undefined): string | undefined {
  return value === '' ? undefined : value;
}

function invalid(option: string, variable: string, must: string, received: unknown): EnginehouseError {
  const message = `${option} (${variable}) must be ${must}, got ${String(received)}`;
  return new EnginehouseError('CONFIG_INVALID', message, { option, received });
}
