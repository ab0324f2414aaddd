import { createSecretKey, type KeyObject } from 'node:crypto';

import { EnginehouseError } from '../base/errors.ts';

export interface AuthOptions {
  /** Signs and checks JSON Web Tokens (HS256); at least 32 bytes. @default ENGINEHOUSE_AUTH_SECRET; without one, a local user on loopback only */
  readonly secret?: string | undefined;
  /** Origins that may open sockets and call the API from a browser, beside the server's own. @default none */
  readonly allowedOrigins?: readonly string[] | undefined;
  /** The claim that names the tenant. @default 'tenant' */
  readonly tenantClaim?: string | undefined;
}

/** How callers are known, decided. */
export interface ResolvedAuth {
  /** Checks tokens; `undefined` is development mode, in which everybody on this machine is the local user. */
  readonly key: KeyObject | undefined;
  readonly allowedOrigins: ReadonlySet<string>;
  readonly tenantClaim: string;
}

const SECRET_MIN_BYTES = 32;
const SECRET_VARIABLE = 'ENGINEHOUSE_AUTH_SECRET';

/** @throws `CONFIG_INVALID` when the secret is short, an origin is not one, or the claim has no name. */
export function resolveAuth(
  options: AuthOptions | undefined,
  env: Readonly<Record<string, string | undefined>>,
): ResolvedAuth {
  const secret = options?.secret ?? (env[SECRET_VARIABLE] || undefined);
  const tenantClaim = options?.tenantClaim ?? 'tenant';
  if (typeof tenantClaim !== 'string' || tenantClaim === '')
    throw invalid('tenantClaim', 'must name a claim', tenantClaim);
  return {
    key: secret === undefined ? undefined : secretKey(secret),
    allowedOrigins: new Set((options?.allowedOrigins ?? []).map(checkOrigin)),
    tenantClaim,
  };
}

/** @throws `CONFIG_INVALID` when the secret has fewer than 32 bytes. */
export function secretKey(secret: string): KeyObject {
  const bytes = typeof secret === 'string' ? Buffer.from(secret) : Buffer.alloc(0);
  if (bytes.length >= SECRET_MIN_BYTES) return createSecretKey(bytes);
  // The secret itself is never shown, however short.
  throw invalid(
    'secret',
    `(or ${SECRET_VARIABLE}) must have at least ${SECRET_MIN_BYTES} bytes, got ${bytes.length}`,
    `${bytes.length} bytes`,
  );
}

/**
 * Without authentication the server listens on loopback only.
 *
 * @throws `AUTH_REQUIRED` for any other address.
 */
export function requireLoopback(auth: ResolvedAuth, host: string): void {
  if (auth.key !== undefined || host === 'localhost' || isLoopback(host)) return;
  throw new EnginehouseError('AUTH_REQUIRED', `without auth.secret the server listens on loopback only, got ${host}`, {
    host,
  });
}

export function isLoopback(address: string): boolean {
  return /^(::ffff:)?127\.\d+\.\d+\.\d+$/.test(address) || address === '::1';
}

function checkOrigin(origin: string): string {
  if (URL.parse(origin)?.origin === origin) return origin;
  throw invalid('allowedOrigins', `must hold origins such as https://app.example.com, got ${String(origin)}`, origin);
}

function invalid(option: string, reason: string, received: unknown): EnginehouseError {
  return new EnginehouseError('CONFIG_INVALID', `auth.${option} ${reason}`, { option: `auth.${option}`, received });
}
