import type { ServerPlace } from './server-place.ts';
import type { ServerState } from './server-state.ts';

export interface UrlOptions {
  /** Over 127.0.0.1 with a password, as an application connects. @default false */
  readonly tcp?: boolean;
}

/** Ways to a server as its superuser, as URLs that both `pg` and `psql` read. */
export interface ServerUrls {
  /** The database `postgres`, over the Unix socket where there is one. */
  readonly adminUrl: string;
  /** The same over 127.0.0.1 with a password. */
  readonly tcpUrl: string;
  /** Another database of the server. */
  urlOf(database: string, options?: UrlOptions): string;
}

export function privateUrls({ sockets }: ServerPlace, { port, password }: ServerState): ServerUrls {
  const tcp = `postgres://postgres:${encodeURIComponent(password)}@127.0.0.1:${port}/postgres`;
  // The name of a host makes it a URL for everybody; who connects goes by the folder.
  const socket =
    sockets === undefined ? tcp : `postgres://postgres@localhost:${port}/postgres?host=${encodeURIComponent(sockets)}`;
  return urls(socket, tcp);
}

/** One way is known, so it is the only one. */
export function externalUrls(url: string): ServerUrls {
  return urls(url, url);
}

function urls(adminUrl: string, tcpUrl: string): ServerUrls {
  return {
    adminUrl,
    tcpUrl,
    urlOf: (database, { tcp = false } = {}) => withDatabase(tcp ? tcpUrl : adminUrl, database),
  };
}

function withDatabase(url: string, database: string): string {
  const changed = new URL(url);
  changed.pathname = `/${encodeURIComponent(database)}`;
  return changed.href;
}
