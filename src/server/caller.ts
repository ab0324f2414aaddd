import type { IncomingMessage } from 'node:http';

/** What is known of whoever asks, whether it came as a `Request` or as an upgrade. */
export interface Caller {
  /** A request that changes nothing: its Origin matters only where nobody signs in. */
  readonly safe: boolean;
  readonly connection: Connection | undefined;
  /** Names in lower case. */
  readonly header: (name: string) => string | undefined;
}

/** The connection that carries the request; unknown when a `Request` is handed in by other means. */
export interface Connection {
  readonly remoteAddress: string | undefined;
  readonly localPort: number | undefined;
  readonly encrypted: boolean;
}

const SAFE_METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD']);

export function callerOfRequest(request: Request, incoming: IncomingMessage | undefined): Caller {
  return {
    safe: SAFE_METHODS.has(request.method),
    connection: incoming === undefined ? undefined : connectionOf(incoming),
    // A request that no connection carries has its host in its address only.
    header: (name) => request.headers.get(name) ?? (name === 'host' ? new URL(request.url).host : undefined),
  };
}

/** An upgrade opens both directions, so it is never safe. */
export function callerOfUpgrade(incoming: IncomingMessage): Caller {
  return {
    safe: false,
    connection: connectionOf(incoming),
    header: (name) => {
      const value = incoming.headers[name];
      return Array.isArray(value) ? value.join(', ') : value;
    },
  };
}

function connectionOf({ socket }: IncomingMessage): Connection {
  const { remoteAddress, localPort } = socket;
  return { remoteAddress, localPort, encrypted: 'encrypted' in socket && socket.encrypted === true };
}
