/**
 * Puts our routes on a Node server that may have an application already.
 *
 *   V1. A request for one of our paths is ours alone; every other one is theirs, untouched.
 *   V2. Listeners that the application adds later are theirs too.
 *   V3. Detaching leaves the server as it would be had we never come.
 */

import type { IncomingMessage, Server, ServerResponse } from 'node:http';

type Listener = (incoming: IncomingMessage, outgoing: ServerResponse) => void;

export interface Routes {
  /** Whether this path, without its query, is ours. */
  handles(path: string): boolean;
  readonly answer: Listener;
  /** Answers what is neither ours nor anybody's. */
  readonly answerNobodys: Listener;
}

/** Returns what detaches. Calling that twice is harmless. */
export function serveOn(server: Server, { handles, answer, answerNobodys }: Routes): () => void {
  const theirs: Listener[] = [];
  let attached = true;
  const ours: Listener = (incoming, outgoing) => {
    if (attached && handles(pathOf(incoming))) answer(incoming, outgoing);
    else if (theirs.length === 0) answerNobodys(incoming, outgoing);
    else for (const listener of theirs) listener.call(server, incoming, outgoing);
  };
  const adopt = (): void => {
    const listeners = requestListeners(server);
    // Whoever took our own listener off answers for us, and for what comes later.
    if (!listeners.includes(ours)) return;
    for (const listener of listeners) {
      if (listener === ours) continue;
      server.off('request', listener);
      theirs.push(listener);
    }
  };
  // Told before the listener is on; no request can come in between.
  const adoptLater = (event: string | symbol): void => {
    if (event === 'request') queueMicrotask(adopt);
  };
  server.on('request', ours);
  adopt();
  server.on('newListener', adoptLater);
  return () => {
    attached = false;
    server.off('newListener', adoptLater);
    adopt();
    if (!requestListeners(server).includes(ours)) return;
    server.off('request', ours);
    for (const listener of theirs.splice(0)) server.on('request', listener);
  };
}

function requestListeners(server: Server): Listener[] {
  // Node types listeners of every event alike.
  return server.rawListeners('request') as Listener[];
}

function pathOf({ url = '/' }: IncomingMessage): string {
  return /^[^?#]*/.exec(url)?.[0] ?? '/';
}
