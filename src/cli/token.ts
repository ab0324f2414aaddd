import { systemClock } from '../base/clock.ts';
import { EnginehouseError } from '../base/errors.ts';
import { signToken } from '../server/token.ts';
import { loadApplication } from './application.ts';
import { yieldLine } from './output.ts';

export interface TokenOptions {
  readonly user: string;
  readonly tenant?: string;
  readonly role?: readonly string[];
  /** Milliseconds. */
  readonly expires: number;
  readonly config?: string;
}

/** Signs a token and prints it, and nothing else. */
export async function token({ user, tenant, role, expires, ...options }: TokenOptions): Promise<number> {
  const { auth } = (await loadApplication(options)).config;
  const secret = auth?.secret ?? (process.env['ENGINEHOUSE_AUTH_SECRET'] || undefined);
  if (secret === undefined) throw noSecret();
  const claims = { userId: user, tenantId: tenant, roles: role, expiresInMs: expires, tenantClaim: auth?.tenantClaim };
  yieldLine(await signToken(secret, claims, systemClock));
  return 0;
}

function noSecret(): EnginehouseError {
  const cure =
    'Set ENGINEHOUSE_AUTH_SECRET to 32 bytes or more (`openssl rand -hex 32` makes some), or auth.secret in the configuration.';
  const details = { option: 'auth.secret', received: 'nothing' };
  return new EnginehouseError(
    'CONFIG_INVALID',
    'auth.secret (or ENGINEHOUSE_AUTH_SECRET) is not set, so there is nothing to sign with',
    details,
    { cure },
  );
}
