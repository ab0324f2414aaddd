import { UserExecutionContext, type EnginehouseRuntime } from 'enginehouse';
import fastify, { type FastifyInstance } from 'fastify';

import type { ShopTransaction } from './tables.ts';

/** The shop's own server. Who asks is known here, by a session of the shop's own; below it is a header. */
export function buildServer(runtime: EnginehouseRuntime): FastifyInstance {
  const server = fastify();

  server.get('/', async () => 'The shop is open.');

  server.get('/stock', async (request) => {
    const context = contextOf(String(request.headers['x-customer']), request.id);
    return runtime.factory.userExecutionScope(context, (engine) =>
      engine.databaseSessionManager.transaction((db: ShopTransaction) =>
        db.selectFrom('stock').selectAll().orderBy('sku').execute(),
      ),
    );
  });

  server.post<{ Body: { sku: string; wanted?: number } }>('/orders', async (request) => {
    const context = contextOf(String(request.headers['x-customer']), request.id);
    return runtime.factory.userExecutionScope(
      context,
      async (engine) => engine.executeAgent('inventory', request.body).result,
    );
  });

  // The API, health and the socket of Enginehouse, on the same port.
  const attached = runtime.attach(server.server);
  server.addHook('onClose', () => attached[Symbol.asyncDispose]());
  return server;
}

function contextOf(userId: string, requestId: string): UserExecutionContext {
  return UserExecutionContext.fromRequest({
    userId,
    threadId: 'shop',
    runId: `order-${requestId}-${crypto.randomUUID()}`,
  });
}
