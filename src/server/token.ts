import type { KeyObject } from 'node:crypto';

import { errors, jwtVerify, SignJWT } from 'jose';
import { z } from 'zod';

import { dateOf, type Clock } from '../base/clock.ts';
import { EnginehouseError } from '../base/errors.ts';
import { DEFAULT_TENANT, isId, tenantId, userId } from '../context/ids.ts';
import type { Principal } from '../context/principal.ts';
import { secretKey } from './resolve-auth.ts';

/** One algorithm, pinned: what a token says of itself decides nothing. */
const ALGORITHM = 'HS256';

export interface TokenClaims {
  readonly userId: string;
  /** @default the tenant of those who name none */
  readonly tenantId?: string | undefined;
  /** @default ['user'] */
  readonly roles?: readonly string[] | undefined;
  /** Milliseconds from now, rounded up to whole seconds. Above 0. */
  readonly expiresInMs: number;
  /** As in `auth.tenantClaim`. @default 'tenant' */
  readonly tenantClaim?: string | undefined;
}

const claimsSchema = z.object({
  sub: z.string().refine(isId),
  exp: z.number(),
  roles: z.array(z.string().max(64)).max(32).default(['user']),
});

/**
 * Signs a JSON Web Token that a server with the same secret accepts.
 *
 * @throws `CONFIG_INVALID` when the secret is short or the time is not above 0, `ID_INVALID` when an id is malformed.
 * @example
 * const token = await signToken(secret, { userId: 'ada', expiresInMs: 3_600_000 }, systemClock);
 */
export async function signToken(secret: string, claims: TokenClaims, clock: Clock): Promise<string> {
  const { expiresInMs, tenantClaim = 'tenant' } = claims;
  if (!(expiresInMs > 0 && Number.isFinite(expiresInMs))) {
    throw new EnginehouseError('CONFIG_INVALID', `expiresInMs must be above 0, got ${expiresInMs}`, {
      option: 'expiresInMs',
      received: expiresInMs,
    });
  }
  const payload = {
    ...(claims.tenantId === undefined ? {} : { [tenantClaim]: tenantId(claims.tenantId) }),
    ...(claims.roles === undefined ? {} : { roles: [...claims.roles] }),
  };
  return new SignJWT(payload)
    .setProtectedHeader({ alg: ALGORITHM, typ: 'JWT' })
    .setSubject(userId(claims.userId))
    .setIssuedAt(Math.floor(clock.now() / 1_000))
    .setExpirationTime(Math.ceil((clock.now() + expiresInMs) / 1_000))
    .sign(secretKey(secret));
}

/** What a token is checked against. */
interface Trust {
  readonly key: KeyObject;
  readonly tenantClaim: string;
  readonly clock: Clock;
}

/** Who a token speaks for. @throws `UNAUTHENTICATED` saying what is wrong with it. */
export async function verifyToken(token: string, trust: Trust): Promise<Principal> {
  const claims = await checkedClaims(token, trust);
  const parsed = claimsSchema.safeParse(claims);
  if (!parsed.success)
    throw unauthenticated(`the claim ${parsed.error.issues[0]?.path[0]?.toString() ?? 'sub'} is malformed`);
  const tenant = claims[trust.tenantClaim] ?? DEFAULT_TENANT;
  if (!isId(tenant)) throw unauthenticated(`the claim ${trust.tenantClaim} is malformed`);
  const { sub, exp, roles } = parsed.data;
  return { userId: userId(sub), tenantId: tenantId(tenant), roles, expiresAt: exp * 1_000 };
}

async function checkedClaims(token: string, { key, clock }: Trust): Promise<Record<string, unknown>> {
  try {
    const options = { algorithms: [ALGORITHM], requiredClaims: ['sub', 'exp'], currentDate: dateOf(clock) };
    return (await jwtVerify(token, key, options)).payload;
  } catch (error) {
    throw unauthenticated(reasonOf(error), error);
  }
}

function reasonOf(error: unknown): string {
  if (error instanceof errors.JWTExpired) return 'the token has expired';
  if (error instanceof errors.JWTClaimValidationFailed) return `the claim ${error.claim} is missing or not acceptable`;
  if (error instanceof errors.JWSSignatureVerificationFailed) return 'the signature does not match';
  if (error instanceof errors.JOSEAlgNotAllowed) return `the token is not signed with ${ALGORITHM}`;
  return 'the token is malformed';
}

export function unauthenticated(reason: string, cause?: unknown): EnginehouseError {
  return new EnginehouseError('UNAUTHENTICATED', `not signed in: ${reason}`, { reason }, { cause });
}
