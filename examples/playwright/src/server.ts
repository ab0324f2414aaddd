import { createServer, type Server } from 'node:http';
import { readFileSync } from 'node:fs';
import type { EnginehouseRuntime } from 'enginehouse';

const page = readFileSync(new URL('page.html', import.meta.url));

/**
 * The application's own server: its page, and beside it the API of Enginehouse. Who asks says the token of the request,
 * which the gateway before this server adds; on one's own machine, without a secret, everybody is the local user.
 */
export function createPageServer(runtime: EnginehouseRuntime): Server {
  const server = createServer((request, response) => {
    const found = request.url === '/';
    response.writeHead(found ? 200 : 404, { 'Content-Type': found ? 'text/html; charset=utf-8' : 'text/plain' });
    response.end(found ? page : 'There is nothing here.');
  });
  const attached = runtime.attach(server);
  server.once('close', () => void attached[Symbol.asyncDispose]());
  return server;
}
