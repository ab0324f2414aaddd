import { UserExecutionContext, type EnginehouseRuntime } from 'enginehouse';
import fastify, { type FastifyInstance } from 'fastify';
import { z } from 'zod';

import type { Confirmations } from './confirmations.ts';
import type { ShopTransaction } from './tables.ts';

const placed = z.object({ sku: z.string(), ordered: z.int(), left: z.int() });

/** The shop's own server. Who asks is known here, by a session of the shop's own; below it is a header. */
export function buildServer(runtime: EnginehouseRuntime, confirmations: Confirmations): FastifyInstance {
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

  server.post<{ Body: { sku: string; wanted?: number; email?: string } }>('/orders', async (request) => {
    const { email, ...order } = request.body;
    const context = contextOf(String(request.headers['x-customer']), request.id);
    const outcome = await runtime.factory.userExecutionScope(
      context,
      async (engine) => engine.executeAgent('inventory', order).result,
    );
    if (outcome.status === 'completed' && email !== undefined) {
      const { sku, ordered } = placed.parse(outcome.result);
      if (ordered > 0) confirmations.confirm(email, { sku, ordered });
    }
    return outcome;
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
