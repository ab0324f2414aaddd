/**
 * The HTTP requests under way at one runtime's port, seen from this process: by Node's own diagnostics channels, so that
 * neither the server nor a client knows of it.
 *
 *   H1. A request is under way from the moment a client of this process makes it, or the server gets it, until the
 *       headers of its answer are there, or it has failed. So a sign-in or a handler that waits for nothing is seen.
 *   H2. A body is under way while its bytes move. An event stream that waits for events is not, nor is a download that
 *       nobody reads: time may move then, and has to, for their heartbeats and deadlines.
 *   H3. A socket is a request until it is upgraded; after that it is none.
 *   H4. It sees requests that begin after it was opened, and costs nothing once it is closed.
 */

import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { ClientRequest, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

import type { BusySource } from './activity.ts';

/** What the channels publish, as Node and undici document it. */
interface Published {
  readonly 'http.server.request.start': { readonly response: ServerResponse; readonly socket: Socket };
  readonly 'http.client.request.created': { readonly request: ClientRequest };
  readonly 'http.client.response.finish': { readonly request: ClientRequest };
  readonly 'undici:request:create': { readonly request: { readonly origin?: string | URL } };
  readonly 'undici:request:headers': { readonly request: object };
  readonly 'undici:request:error': { readonly request: object };
}

type Seen = { readonly [Channel in keyof Published]: (message: Published[Channel]) => void };

export class HttpRequests implements BusySource, Disposable {
  readonly name = 'HTTP requests';
  readonly #port: number;
  /** Made by `fetch`, and not answered. */
  readonly #fetches = new Set<object>();
  /** Made by `node:http`, and not answered, upgraded or given up. */
  readonly #calls = new Set<ClientRequest>();
  /** What the server is answering, with the bytes that its socket had written when they were last looked at. */
  readonly #answers = new Map<ServerResponse, number>();
  readonly #seen: Seen = {
    'http.server.request.start': ({ response, socket }) => this.#begins(response, socket),
    'http.client.request.created': ({ request }) => {
      if (this.#isHere(request.getHeader('host'))) this.#calls.add(request);
    },
    'http.client.response.finish': ({ request }) => void this.#calls.delete(request),
    'undici:request:create': ({ request }) => {
      if (this.#isHere(request.origin)) this.#fetches.add(request);
    },
    'undici:request:headers': ({ request }) => void this.#fetches.delete(request),
    'undici:request:error': ({ request }) => void this.#fetches.delete(request),
  };

  private constructor(port: number) {
    this.#port = port;
  }

  /** Begins to watch what goes to `port` of this machine. */
  static open(port: number): HttpRequests {
    const requests = new HttpRequests(port);
    for (const [channel, listener] of listeners(requests.#seen)) subscribe(channel, listener);
    return requests;
  }

  /** A request of which both ends are here counts once. */
  busy(): number {
    let called = this.#fetches.size;
    for (const request of this.#calls) {
      if (request.destroyed) this.#calls.delete(request);
      else called += 1;
    }
    let answering = 0;
    for (const [response, bytes] of this.#answers) {
      const written = response.socket?.bytesWritten ?? bytes;
      if (written !== bytes) this.#answers.set(response, written);
      if (!response.headersSent || written !== bytes) answering += 1;
    }
    return Math.max(called, answering);
  }

  /** Idempotent. */
  close(): void {
    for (const [channel, listener] of listeners(this.#seen)) unsubscribe(channel, listener);
    this.#fetches.clear();
    this.#calls.clear();
    this.#answers.clear();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #begins(response: ServerResponse, socket: Socket): void {
    if (socket.localPort !== this.#port) return;
    this.#answers.set(response, socket.bytesWritten);
    // Comes in every case: when it was sent, when the client left, and when the server gave it up.
    response.once('close', () => this.#answers.delete(response));
  }

  #isHere(place: unknown): boolean {
    return String(place).endsWith(`:${this.#port}`);
  }
}

/** A parse boundary: a channel's name says what its messages are. */
function listeners(seen: Seen): readonly (readonly [string, (message: unknown) => void])[] {
  return Object.entries(seen) as [string, (message: unknown) => void][];
}
