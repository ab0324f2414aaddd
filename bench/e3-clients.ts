/** The clients of E3: connect, say hello, and stay. */

import { once } from 'node:events';

import { WebSocket } from 'ws';

import { systemClock } from '../src/base/clock.ts';
import { signToken } from '../src/server/token.ts';

const [url = '', secret = '', count = '0', first = '0'] = process.argv.slice(2);

async function stay(index: number): Promise<void> {
  const token = await signToken(secret, { userId: `user-${index}`, expiresInMs: 3_600_000 }, systemClock);
  const socket = new WebSocket(`${url.replace('http', 'ws')}/ws`, ['enginehouse.v1'], {
    headers: { Authorization: `Bearer ${token}` },
    perMessageDeflate: false,
  });
  await once(socket, 'open');
  socket.send(JSON.stringify({ t: 'hello', v: 1 }));
  await once(socket, 'message');
}

for (let done = 0; done < Number(count); done += 50) {
  await Promise.all(
    Array.from({ length: Math.min(50, Number(count) - done) }, (_, index) => stay(Number(first) + done + index)),
  );
}
process.send?.('connected');
