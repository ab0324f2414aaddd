import { configureExecutionEngineFactory, startup } from 'enginehouse';

import config from '../enginehouse.config.ts';
import { Confirmations } from './confirmations.ts';
import { JobQueue } from './job-queue.ts';
import { MailSender } from './mail-sender.ts';
import { buildServer } from './server.ts';

const runtime = await startup({ ...config, server: { ...config.server, listen: false } });
configureExecutionEngineFactory(runtime);
const mail = new MailSender({ url: process.env['SMTP_URL'] ?? 'smtp://127.0.0.1:25', from: 'shop@example.com' });
const queue = new JobQueue({ failed: (name, error) => console.error(`${name} failed:`, error) });
const server = buildServer(runtime, new Confirmations({ queue, mail }));
console.log(`The shop listens on ${await server.listen({ port: Number(process.env['PORT'] ?? 4200) })}`);

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, async () => {
    await server.close();
    await queue.stop();
    await runtime.close();
  });
}
