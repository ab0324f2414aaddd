import { createServer, type Server, type ServerResponse } from 'node:http';
import { once } from 'node:events';

import { expect, onTestFinished, test } from 'vitest';

import { serveOn, type Routes } from './serve-on.ts';

const say = (what: string) => (_incoming: unknown, outgoing: ServerResponse) => void outgoing.end(what);

const routes: Routes = {
  handles: (path) => path.startsWith('/api/'),
  answer: say('ours'),
  answerNobodys: say("nobody's"),
};

async function ask(server: Server, path: string): Promise<string> {
  if (!server.listening) {
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    onTestFinished(() => server[Symbol.asyncDispose]());
  }
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const response = await fetch(`http://127.0.0.1:${port}${path}`, { headers: { connection: 'close' } });
  return response.text();
}

test('our paths are ours alone, every other one is theirs (V1)', async () => {
  const asked: string[] = [];
  const server = createServer((incoming, outgoing) => {
    asked.push(incoming.url ?? '');
    outgoing.end('theirs');
  });
  serveOn(server, routes);

  expect(await ask(server, '/api/runs?limit=1')).toBe('ours');
  expect(await ask(server, '/shop?next=/api/runs')).toBe('theirs');
  expect(await ask(server, '/')).toBe('theirs');
  expect(asked).toEqual(['/shop?next=/api/runs', '/']);
});

test('a server without an application answers for nobody', async () => {
  const server = createServer();
  serveOn(server, routes);

  expect(await ask(server, '/shop')).toBe("nobody's");
});

test('a listener that comes later is theirs too (V2)', async () => {
  const server = createServer();
  serveOn(server, routes);
  server.on('request', say('theirs'));

  expect(await ask(server, '/api/runs')).toBe('ours');
  expect(await ask(server, '/shop')).toBe('theirs');
});

test('detaching leaves the server as it would be had we never come (V3)', async () => {
  const first = say('theirs');
  const later = (): void => undefined;
  const server = createServer(first);
  const detach = serveOn(server, routes);
  server.on('request', later);

  detach();
  detach();

  expect(server.rawListeners('request')).toEqual([first, later]);
  expect(server.listenerCount('newListener')).toBe(0);
  expect(await ask(server, '/api/runs')).toBe('theirs');
});

const other: Routes = { ...routes, handles: (path) => path.startsWith('/other/'), answer: say('the other one') };

test('two that share a server serve side by side, and the last one leaves first', async () => {
  const first = say('theirs');
  const server = createServer(first);
  const detach = serveOn(server, routes);
  const detachOther = serveOn(server, other);

  expect(await ask(server, '/api/runs')).toBe('ours');
  expect(await ask(server, '/other/runs')).toBe('the other one');
  detachOther();
  expect(await ask(server, '/api/runs')).toBe('ours');
  expect(await ask(server, '/other/runs')).toBe('theirs');
  detach();
  expect(server.rawListeners('request')).toEqual([first]);
});

test('when the first one leaves first, its paths are theirs again', async () => {
  const server = createServer(say('theirs'));
  const detach = serveOn(server, routes);
  const detachOther = serveOn(server, other);

  detach();
  expect(await ask(server, '/api/runs')).toBe('theirs');
  expect(await ask(server, '/other/runs')).toBe('the other one');
  detachOther();
  expect(await ask(server, '/other/runs')).toBe('theirs');
});
