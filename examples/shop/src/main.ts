import { configureExecutionEngineFactory, startup } from 'enginehouse';

import config from '../enginehouse.config.ts';
import { buildServer } from './server.ts';

const runtime = await startup({ ...config, server: { ...config.server, listen: false } });
configureExecutionEngineFactory(runtime);
const server = buildServer(runtime);
console.log(`The shop listens on ${await server.listen({ port: Number(process.env['PORT'] ?? 4200) })}`);

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, async () => {
    await server.close();
    await runtime.close();
  });
}
