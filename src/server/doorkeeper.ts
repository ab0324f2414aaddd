/**
 * Says who may come in, and who it is. HTTP and sockets ask the same one.
 *
 *   K1. With a secret, a caller is whom its bearer token names, and nobody else.
 *   K2. Without one (development mode) every caller is the local user, so only
 *       this machine is served, under its loopback names, to pages of its own
 *       or of an allowed origin. The Host header is checked because another site
 *       could otherwise point its own name here (DNS rebinding).
 *   K3. A page of a foreign origin changes nothing and opens no socket, with
 *       whatever token. Clients that are no browser send no Origin.
 */

import type { Clock } from '../base/clock.ts';
import { EnginehouseError } from '../base/errors.ts';
import { DEFAULT_TENANT, LOCAL_USER } from '../context/ids.ts';
import type { Principal } from '../context/principal.ts';
import type { Caller } from './caller.ts';
import { isLoopback, type ResolvedAuth } from './resolve-auth.ts';
import { unauthenticated, verifyToken } from './token.ts';

interface DoorkeeperDeps {
  readonly auth: ResolvedAuth;
  readonly allowedHosts: readonly string[];
  readonly clock: Clock;
}

const LOCAL: Principal = {
  tenantId: DEFAULT_TENANT,
  userId: LOCAL_USER,
  roles: ['user'],
  expiresAt: undefined,
};
const LOOPBACK_NAMES: readonly string[] = ['localhost', '127.0.0.1', '[::1]'];
const BEARER = /^Bearer +([^\s,]+)$/i;

export class Doorkeeper {
  readonly #deps: DoorkeeperDeps;

  constructor(deps: DoorkeeperDeps) {
    this.#deps = deps;
  }

  /** @throws `FORBIDDEN` naming the header, `UNAUTHENTICATED` for another machine in development mode. */
  admit(caller: Caller): void {
    const local = this.#deps.auth.key === undefined;
    if (local) this.#checkMachine(caller);
    if (local || !caller.safe) this.#checkOrigin(caller);
  }

  /** @throws `UNAUTHENTICATED` saying what is wrong with the token. */
  async identify(caller: Caller): Promise<Principal> {
    const { auth, clock } = this.#deps;
    const { key, tenantClaim } = auth;
    if (key === undefined) return LOCAL;
    const header = caller.header('authorization');
    if (header === undefined) throw unauthenticated('there is no token');
    const token = BEARER.exec(header)?.[1];
    if (token === undefined) throw unauthenticated('the Authorization header holds no bearer token');
    return verifyToken(token, { key, tenantClaim, clock });
  }

  #checkMachine({ connection, header }: Caller): void {
    if (connection !== undefined && !isLoopback(connection.remoteAddress ?? '')) {
      throw unauthenticated('without auth.secret only this machine is served');
    }
    const host = header('host')?.toLowerCase() ?? '';
    const { name, port } = splitHost(host);
    const { allowedHosts } = this.#deps;
    if (allowedHosts.includes(host) || allowedHosts.includes(name)) return;
    const expected = connection?.localPort;
    const own =
      LOOPBACK_NAMES.includes(name) &&
      (expected === undefined || expected === (port ?? (connection?.encrypted ? 443 : 80)));
    if (!own) throw forbidden('Host', host);
  }

  #checkOrigin({ header }: Caller): void {
    const origin = header('origin');
    if (origin === undefined || this.#deps.auth.allowedOrigins.has(origin)) return;
    const parsed = URL.parse(origin);
    // Behind a proxy that ends TLS the page's scheme is not this connection's, so hosts are compared, each as a URL writes it.
    const own = parsed === null ? undefined : URL.parse(`${parsed.protocol}//${header('host') ?? ''}`);
    if (parsed === null || !/^https?:$/.test(parsed.protocol) || parsed.host !== own?.host)
      throw forbidden('Origin', origin);
  }
}

function splitHost(host: string): { readonly name: string; readonly port: number | undefined } {
  const [, name = '', port] = /^(\[[^\]]*\]|[^:]*)(?::(\d{1,5}))?$/.exec(host) ?? [];
  return { name, port: port === undefined ? undefined : Number(port) };
}

function forbidden(header: string, received: string): EnginehouseError {
  const shown = received.slice(0, 200);
  return new EnginehouseError('FORBIDDEN', `the ${header} ${JSON.stringify(shown)} is not served here`, {
    header,
    received: shown,
  });
}
