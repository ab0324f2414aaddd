/**
 * Everything through which the outside reaches one runtime: the HTTP routes and
 * what the socket bridge asks of a door. Listening is in `listen.ts`.
 */

import type { IncomingMessage, Server, ServerResponse } from 'node:http';

import { getRequestListener } from '@hono/node-server';

import { answerOf, notFound } from './answer.ts';
import type { DoorDeps } from './door-deps.ts';
import { Doorkeeper } from './doorkeeper.ts';
import { createHttpApp } from './http-app.ts';
import { OpenStreams } from './open-streams.ts';
import { requestInvalid } from './request-input.ts';
import { requireLoopback } from './resolve-auth.ts';
import { serveOn } from './serve-on.ts';
import { createSocketDoor, type SocketDoor } from './socket-door.ts';

export interface Doors {
  /** Answers one request. */
  fetch(request: Request): Promise<Response>;
  /** The same for a Node server. */
  readonly answer: (incoming: IncomingMessage, outgoing: ServerResponse) => void;
  readonly socket: SocketDoor;
  /** Whether a path belongs to us on a server that we share. The page does not: there, `/` is theirs. */
  handles(path: string): boolean;
  /** Puts our paths on an existing server, before its own listeners. Returns what detaches. */
  serve(server: Server): () => void;
  /** @throws `AUTH_REQUIRED` when these doors may not listen on `host`. */
  checkHost(host: string): void;
  /** Ends the event streams; every later request is answered `DRAINING`. Idempotent. */
  close(): void;
}

const SHARED_PATHS = /^\/(api\/(agents|runs|artifacts)|health)(\/|$)/;

export function createDoors(deps: DoorDeps): Doors {
  const doorkeeper = new Doorkeeper(deps);
  const streams = new OpenStreams(deps);
  const app = createHttpApp(deps, doorkeeper, streams);
  const handles = (path: string): boolean => SHARED_PATHS.test(path);
  const listener = getRequestListener((request, env) => app.fetch(request, env), {
    overrideGlobalObjects: false,
    // Only what the request line and headers make impossible to read comes here; routes answer for themselves.
    errorHandler: (error) =>
      plainAnswer(deps, requestInvalid('request', [error instanceof Error ? error.message : String(error)])),
  });
  const answer = (incoming: IncomingMessage, outgoing: ServerResponse): void => void listener(incoming, outgoing);
  const nobodys = getRequestListener(() => plainAnswer(deps, notFound('path', 'outside of /api/ and /health/')), {
    overrideGlobalObjects: false,
  });
  return {
    fetch: async (request) => app.fetch(request, {}),
    answer,
    socket: createSocketDoor(deps.desk, doorkeeper),
    handles,
    serve: (server) =>
      serveOn(server, { handles, answer, answerNobodys: (incoming, outgoing) => void nobodys(incoming, outgoing) }),
    checkHost: (host) => requireLoopback(deps.auth, host),
    close: () => streams.close(),
  };
}

function plainAnswer({ log }: DoorDeps, error: unknown): Response {
  const { status, headers, body } = answerOf(error, log, {});
  return Response.json(body, {
    status,
    headers: { ...headers, 'X-Content-Type-Options': 'nosniff', 'Cache-Control': 'no-store' },
  });
}
