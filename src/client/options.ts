import { holdingClock, type Clock } from '../base/clock.ts';
import { EnginehouseError } from '../base/errors.ts';
import { systemIds, type Ids } from '../base/ids.ts';
import { inBrowser, openWebSocket, type OpenWebSocket } from './web-socket.ts';

export interface ClientOptions {
  /** Where the server is: `http://`, `https://`, `ws://` or `wss://`, with the path it is served under, if any. */
  readonly url: string;
  /**
   * The bearer token, or what gives one for each connection and request. Not in a
   * browser, whose sockets send no headers: a page of the server's own origin needs none.
   */
  readonly token?: string | (() => string | Promise<string>) | undefined;
  /** Attempts in a row that may fail before the client gives up; `Infinity` for a page that should not. @default 100 */
  readonly attempts?: number | undefined;
  /** Opens a socket, where the runtime's own WebSocket cannot send headers. @default the global WebSocket */
  readonly webSocket?: OpenWebSocket | undefined;
  /** @default the global fetch */
  readonly fetch?: typeof fetch | undefined;
  /** Replace to drive time in tests. @default the system's */
  readonly clock?: Clock | undefined;
  /** Replace to fix ids and pauses in tests. @default the system's */
  readonly ids?: Ids | undefined;
}

/** The same, decided: nothing is optional past this point. */
export interface ResolvedClientOptions {
  readonly addresses: { readonly http: string; readonly socket: string };
  readonly headers: () => Promise<Readonly<Record<string, string>>>;
  readonly renews: boolean;
  readonly attempts: number;
  readonly webSocket: OpenWebSocket;
  readonly fetch: typeof fetch;
  readonly clock: Clock;
  readonly ids: Ids;
}

/** @throws `CONFIG_INVALID` naming the option. */
export function resolveOptions(options: ClientOptions): ResolvedClientOptions {
  const { token, attempts = 100, webSocket, clock = holdingClock, ids = systemIds } = options;
  if (token !== undefined && webSocket === undefined && inBrowser()) {
    throw refused('token', "cannot be sent by a browser's WebSocket; leave it out on a page of the server", '…');
  }
  if (!(attempts === Number.POSITIVE_INFINITY || (Number.isSafeInteger(attempts) && attempts >= 1))) {
    throw refused('attempts', `must be a whole number from 1 up, or Infinity, got ${String(attempts)}`, attempts);
  }
  return {
    addresses: addressesOf(options.url),
    headers: async () => {
      const text = typeof token === 'function' ? await token() : token;
      return text === undefined ? {} : { Authorization: `Bearer ${text}` };
    },
    renews: typeof token === 'function',
    attempts,
    webSocket: webSocket ?? openWebSocket,
    // Called as a method of something else, a browser's fetch refuses.
    fetch: options.fetch ?? ((input, init) => fetch(input, init)),
    clock,
    ids,
  };
}

function addressesOf(url: string): ResolvedClientOptions['addresses'] {
  const parsed = URL.parse(url);
  const matched = /^(http|ws)(s?):$/.exec(parsed?.protocol ?? '');
  if (parsed === null || matched === null)
    throw refused('url', `must begin with http://, https://, ws:// or wss://, got ${url}`, url);
  const secure = matched[2] ?? '';
  const place = `${parsed.host}${parsed.pathname.replace(/\/(ws)?$/, '')}`;
  return { http: `http${secure}://${place}`, socket: `ws${secure}://${place}/ws` };
}

function refused(option: string, reason: string, received: unknown): EnginehouseError {
  return new EnginehouseError('CONFIG_INVALID', `${option} ${reason}`, { option, received });
}
