import { configureExecutionEngineFactory, startup, UserExecutionContext } from 'enginehouse';
import { connect } from 'enginehouse/client';

import config from './enginehouse.config.ts';

// In an application of one's own: start, and run an agent for a user.
await using runtime = await startup({ ...config, store: { path: ':memory:' }, server: { port: 0 }, log: 'silent' });
configureExecutionEngineFactory(runtime);

const context = UserExecutionContext.fromRequest({ userId: 'ada', threadId: 'games', runId: 'game-1' });
await using engine = await runtime.factory.createForUser(context);
const { status } = await engine.executeAgent('player', { sides: 20 }).result;
console.log(status);

// Where the user is: over the socket.
await using client = connect({ url: runtime.address?.url ?? '' });
const run = client.start('player', { sides: 20 });
for await (const event of run) console.log(event.seq, event.type);
