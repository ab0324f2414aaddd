import { startup } from 'enginehouse';

import config from '../enginehouse.config.ts';
import { createPageServer } from './server.ts';

const runtime = await startup({ ...config, server: { listen: false } });
const server = createPageServer(runtime);
server.listen(4200, '127.0.0.1', () => console.log('The page is at http://127.0.0.1:4200'));

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, async () => {
    server.close();
    server.closeAllConnections();
    await runtime.close();
  });
}
