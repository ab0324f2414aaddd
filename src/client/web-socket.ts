/** What the client needs of a WebSocket. The global one and that of `ws` are both this. */
export interface WebSocketLike {
  send(text: string): void;
  close(code?: number, reason?: string): void;
  addEventListener(type: 'open' | 'error', listener: () => void): void;
  addEventListener(type: 'message', listener: (event: { readonly data: unknown }) => void): void;
  addEventListener(type: 'close', listener: (event: { readonly code: number; readonly reason: string }) => void): void;
}

/** Opens a WebSocket. For a runtime whose own one cannot send headers. */
export type OpenWebSocket = (
  url: string,
  protocols: readonly string[],
  headers: Readonly<Record<string, string>>,
) => WebSocketLike;

type NodeWebSocket = new (
  url: string,
  options: { readonly protocols: readonly string[]; readonly headers: Readonly<Record<string, string>> },
) => WebSocketLike;

/** A page's WebSocket sends cookies and no headers; Node's takes headers as an option that the DOM's types do not know. */
export const openWebSocket: OpenWebSocket = (url, protocols, headers) => {
  if (inBrowser()) return new WebSocket(url, [...protocols]);
  const Socket = WebSocket as unknown as NodeWebSocket;
  return new Socket(url, { protocols, headers });
};

export function inBrowser(): boolean {
  return 'document' in globalThis || 'WorkerGlobalScope' in globalThis;
}
